#include "engine/error_log.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "base/text.h"

namespace orctl {
namespace {

constexpr size_t log_window = size_t{1} << 20;  // what nginx says of its own start stands well before that
constexpr int64_t past_window = int64_t{256} << 10;

/// One line "2026/11/21 16:00:00 [crit] 4711#4711: *5 words", taken apart.
struct Line {
  std::string level, words;
  int pid = 0;
};

Line read_line(const std::string& line) {
  Line out;
  out.words = line;
  const size_t open = line.find('['), close = line.find("] ", open);
  if (open == std::string::npos || close == std::string::npos) return out;
  const size_t at = close + 2, colon = line.find(": ", at);
  const bool process = colon != std::string::npos && line.find_first_not_of("0123456789#", at) == colon;
  if (!process) return out;  // somebody else's words
  out.level = line.substr(open + 1, close - open - 1);
  out.words = line.substr(colon + 2);
  out.pid = static_cast<int>(parse_number(line.substr(at, line.find('#', at) - at), 1 << 30).value_or(0));
  return out;
}

bool has_any(const std::string& text, const auto& marks) {
  return std::any_of(std::begin(marks), std::end(marks),
                     [&](const char* mark) { return text.find(mark) != std::string::npos; });
}

constexpr std::array init_marks = {"init_by_lua error", "init_worker_by_lua error"};

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

bool is_bad(const Line& line) {
  const bool loud = line.level == "emerg" || line.level == "alert" || line.level == "crit";
  if (!loud && !(line.level == "error" && has_any(line.words, lua_marks))) return false;
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

std::string ErrorLog::fatal_line(const World& world) const {
  std::string bind, found;
  for (const std::string& one : split(text(world), '\n')) {
    const Line line = read_line(one);
    if (line.level != "emerg" && !has_any(line.words, init_marks)) continue;
    if (line.words.find("still could not bind") != std::string::npos) return bind;
    if (line.words.find("bind() to") != std::string::npos)
      bind = line.words;
    else if (found.empty())
      found = line.words;
  }
  return found;
}

std::string ErrorLog::bad_line(const World& world) const {
  std::vector<Line> bad;
  for (const std::string& one : split(text(world), '\n')) {
    Line line = read_line(one);
    const bool old = std::find(old_workers_.begin(), old_workers_.end(), line.pid) != old_workers_.end();
    if (!old && is_bad(line)) bad.push_back(std::move(line));
  }
  if (bad.empty()) return {};
  std::set<std::string> before;
  const int64_t from = std::max<int64_t>(offset_ - past_window, 0);
  for (const std::string& one : split(world.fs.read_from(path_, from, static_cast<size_t>(offset_ - from)), '\n'))
    before.insert(kind_of(read_line(one).words));
  for (const Line& line : bad)
    if (!before.contains(kind_of(line.words))) return "[" + line.level + "] " + line.words;
  return {};
}

}  // namespace orctl
