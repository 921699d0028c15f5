#include "engine/error_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "base/text.h"
#include "engine/nginx_words.h"

namespace orctl {
namespace {

constexpr size_t log_window = size_t{1} << 20;  // what nginx says of its own start stands well before that
constexpr int64_t past_window = int64_t{256} << 10;
constexpr size_t longest_cry = 300;

bool has_any(const std::string& text, const auto& marks) {
  return std::any_of(std::begin(marks), std::end(marks),
                     [&](const char* mark) { return text.find(mark) != std::string::npos; });
}

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

}  // namespace

ErrorLog ErrorLog::from_now(const World& world, const Layout& layout, const std::string& name) {
  ErrorLog log;
  log.path_ = layout.logs(name) + "/error.log";
  const auto stat = world.fs.stat(log.path_);
  log.offset_ = stat ? stat->size : 0;
  return log;
}

std::string ErrorLog::text(const World& world) const {
  return offset_ < 0 ? "" : world.fs.read_from(path_, offset_, log_window);
}

std::string ErrorLog::refusal(const World& world, int master) const {
  std::string bind, found;
  for (const std::string& one : split(text(world), '\n')) {
    const LogLine line = read_log_line(one);
    if (line.pid != master || line.of_request) continue;
    if (line.level != "emerg" && !(line.level == "error" && line.words.starts_with("init_by_lua error:"))) continue;
    if (line.words.starts_with("still could not bind()")) return bind;
    if (line.words.starts_with("bind() to "))
      bind = bind.empty() ? line.words : bind;
    else if (found.empty())
      found = line.words;
  }
  return found.empty() ? bind : found;
}

std::string ErrorLog::failed_start(const World& world, int worker) const {
  for (const std::string& one : split(text(world), '\n')) {
    const LogLine line = read_log_line(one);
    if (line.pid != worker || line.of_request) continue;
    if (is_loud(line) || (line.level == "error" && line.words.starts_with("init_worker_by_lua error:")))
      return line.words;
  }
  return {};
}

std::string ErrorLog::end_of(const World& world, int master, int worker) const {
  const std::string begin = fmt::format("worker process {} exited ", worker);
  std::string found;
  for (const std::string& one : split(text(world), '\n')) {
    const LogLine line = read_log_line(one);
    if (line.pid == master && !line.of_request && line.words.starts_with(begin)) found = line.words;
  }
  return found;
}

std::string ErrorLog::cry(const World& world, const std::set<int>& processes) const {
  std::vector<LogLine> bad;
  for (const std::string& one : split(text(world), '\n'))
    if (LogLine line = read_log_line(one); processes.contains(line.pid) && is_bad(line)) bad.push_back(std::move(line));
  if (bad.empty()) return {};
  std::set<std::string> before;
  const int64_t from = std::max<int64_t>(offset_ - past_window, 0);
  for (const std::string& one : split(world.fs.read_from(path_, from, static_cast<size_t>(offset_ - from)), '\n'))
    before.insert(kind_of(read_log_line(one).words));
  for (const LogLine& line : bad)
    if (!before.contains(kind_of(line.words))) return "[" + line.level + "] " + line.words.substr(0, longest_cry);
  return {};
}

}  // namespace orctl
