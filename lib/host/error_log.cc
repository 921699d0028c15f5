#include "host/error_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "host/nginx_words.h"

namespace orctl {
namespace {

constexpr size_t block_size = size_t{64} << 10, most_at_once = size_t{16} << 20, most_lines = 4096;
constexpr size_t longest_line = 65536;  // nginx cuts its own at 2048 or 4096 bytes
constexpr int64_t past_window = int64_t{256} << 10;
constexpr size_t longest_cry = 300;

bool has_any(const std::string& text, const auto& marks) {
  return std::any_of(std::begin(marks), std::end(marks),
                     [&](const char* mark) { return text.find(mark) != std::string::npos; });
}

constexpr std::array init_marks = {"init_by_lua error:", "init_worker_by_lua error:"};

/// Lua that was cut short, in a request, a timer or a phase of its own; lua-nginx logs it as [error].
constexpr std::array lua_marks = {"lua entry thread aborted", "lua user thread aborted", "failed to run ",
                                  "failed to load ",          "init_by_lua error",       "init_worker_by_lua error"};

/// Loud lines that no change is to blame for.
constexpr std::array harmless_marks = {
    "detected a LuaJIT version",  // of Debian's nginx, at every start: it is slower, and no fault
    "bind() to",                  // one of five tries; after the fifth it says "still could not bind"
    "unlink()",                   // a master that ends finds its socket or pid file gone
    "setrlimit(",                 // the wanted limit of open files is above the host's: `orctl status` compares them
    "SSL_do_handshake()",         // a client that speaks bad TLS
    "SSL_read()",
    "SSL_write()",
    "SSL_shutdown()",
    "left in connection",   // worker_shutdown_timeout closed what a leaving worker still had
    "exited on signal 9",   // kill -9: the master starts another worker, which has to prove itself like the rest
    "exited on signal 15",  // SIGTERM likewise
    "while connecting to upstream",
    "while reading response header from upstream",  // a server's fault
};

/// The words with all numbers made one, so that the same complaint about another request is known again.
std::string kind_of(const std::string& words) {
  std::string out;
  for (const char c : words.substr(0, words.find(", client:"))) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit)
      out += c;
    else if (out.empty() || out.back() != '#')
      out += '#';
  }
  return out;
}

bool is_loud(const LogLine& line) { return line.level == "emerg" || line.level == "alert" || line.level == "crit"; }

bool is_bad(const LogLine& line) {
  if (!is_loud(line) && !(line.level == "error" && has_any(line.words, lua_marks))) return false;
  return !has_any(line.words, harmless_marks);
}

/// What only a process itself says: nothing of a connection, nor what a client that began a line of its own left behind
/// it.
bool is_of(const LogLine& line, int pid) {
  return line.pid == pid && !line.of_request && line.words.find(", client: ") == std::string::npos;
}

bool is_own(const LogLine& line) {
  return line.pid != 0 && is_of(line, line.pid) &&
         (is_loud(line) || line.words.starts_with("worker process ") ||
          (line.level == "error" && has_any(line.words, init_marks)));
}

/// "" when it cannot be read: what is no file has no words, and nothing depends on them.
std::string read_some(const World& world, const std::string& path, int64_t offset, size_t size) {
  try {
    return world.fs.read_from(path, offset, size);
  } catch (const Error&) {
    return {};
  }
}

void keep(std::deque<LogLine>& lines, LogLine line) {
  if (lines.size() == most_lines) lines.pop_front();
  lines.push_back(std::move(line));
}

}  // namespace

ErrorLog ErrorLog::from_now(const World& world, const std::string& name) {
  ErrorLog log;
  log.path_ = world.layout.logs(name) + "/error.log";
  const auto stat = world.fs.stat(log.path_);
  log.begin_ = log.next_ = stat ? stat->size : 0;
  return log;
}

void ErrorLog::read_on(const World& world) {
  if (begin_ < 0) return;
  const auto now = world.fs.stat(path_);
  if (now && now->size < next_) next_ = 0;  // another file, or cut
  for (size_t read = 0; read < most_at_once;) {
    const std::string block = read_some(world, path_, next_, block_size);
    if (block.empty()) return;
    read += block.size();
    next_ += static_cast<int64_t>(block.size());
    rest_ += block;
    for (size_t end = rest_.find('\n'), begin = 0;; end = rest_.find('\n', begin)) {
      if (end == std::string::npos) {
        rest_.erase(0, begin);
        break;
      }
      take(rest_.substr(begin, end - begin));
      begin = end + 1;
    }
    if (rest_.size() > longest_line) rest_.clear();
  }
}

void ErrorLog::take(const std::string& text) {
  LogLine line = read_log_line(text);
  if (line.pid == 0) return;
  if (is_own(line)) keep(own_, line);
  if (is_bad(line) && bad_.size() < most_lines) bad_.push_back(std::move(line));
}

std::string ErrorLog::refusal(int master) const {
  std::string bind, found;
  for (const LogLine& line : own_) {
    if (line.pid != master || (line.level != "emerg" && !line.words.starts_with("init_by_lua error:"))) continue;
    if (line.words.starts_with("still could not bind()")) return bind;
    if (line.words.starts_with("bind() to "))
      bind = bind.empty() ? line.words : bind;
    else if (found.empty())
      found = line.words;
  }
  return found.empty() ? bind : found;
}

std::string ErrorLog::failed_start(int worker) const {
  const auto found = std::find_if(own_.begin(), own_.end(), [&](const LogLine& line) { return line.pid == worker; });
  return found == own_.end() ? "" : found->words;
}

std::string ErrorLog::end_of(int master, int worker) const {
  const std::string begin = fmt::format("worker process {} exited ", worker);
  const auto found = std::find_if(own_.rbegin(), own_.rend(), [&](const LogLine& line) {
    return line.pid == master && line.words.starts_with(begin);
  });
  return found == own_.rend() ? "" : found->words;
}

std::string ErrorLog::cry(const World& world, const std::set<int>& processes) const {
  if (bad_.empty()) return {};
  std::set<std::string> before;
  const int64_t from = std::max<int64_t>(begin_ - past_window, 0);
  for (const std::string& text : split(read_some(world, path_, from, static_cast<size_t>(begin_ - from)), '\n'))
    before.insert(kind_of(read_log_line(text).words));
  for (const LogLine& line : bad_)
    if (processes.contains(line.pid) && !before.contains(kind_of(line.words)))
      return "[" + line.level + "] " + line.words.substr(0, longest_cry);
  return {};
}

}  // namespace orctl
