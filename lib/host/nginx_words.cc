#include "host/nginx_words.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace orctl {
namespace {

constexpr std::string_view levels[] = {"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"};
constexpr std::string_view time_shape = "0000/00/00 00:00:00 ", start_mark = "nginx: ";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool has_time(std::string_view line) {
  if (line.size() < time_shape.size()) return false;
  for (size_t i = 0; i < time_shape.size(); ++i)
    if (time_shape[i] == '0' ? !is_digit(line[i]) : line[i] != time_shape[i]) return false;
  return true;
}

/// Takes "digits" from the front of `rest`; "" when it begins with none.
std::string_view take_digits(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && is_digit(rest[n])) ++n;
  const std::string_view digits = rest.substr(0, n);
  rest.remove_prefix(n);
  return digits;
}

bool take(std::string_view& rest, std::string_view mark) {
  if (!rest.starts_with(mark)) return false;
  rest.remove_prefix(mark.size());
  return true;
}

/// Takes "4711#4711: " and says the first number; 0 when it is not there.
int take_process(std::string_view& rest) {
  const std::string pid(take_digits(rest));
  if (pid.empty() || !take(rest, "#") || take_digits(rest).empty() || !take(rest, ": ")) return 0;
  return static_cast<int>(parse_number(pid, 1 << 30).value_or(0));
}

}  // namespace

LogLine read_log_line(const std::string& line) {
  LogLine out;
  out.words = line;
  std::string_view rest = line;
  const bool timed = has_time(rest);
  if (timed)
    rest.remove_prefix(time_shape.size());
  else if (!take(rest, start_mark))
    return out;
  if (!take(rest, "[")) return out;
  const std::string_view level = rest.substr(0, rest.find(']'));
  if (std::find(std::begin(levels), std::end(levels), level) == std::end(levels)) return out;
  rest.remove_prefix(level.size());
  if (!take(rest, "] ")) return out;
  if (timed) {
    if ((out.pid = take_process(rest)) == 0) return out;
    std::string_view connection = rest;
    out.of_request = take(connection, "*") && !take_digits(connection).empty() && take(connection, " ");
    if (out.of_request) rest = connection;
  }
  out.level = level;
  out.words = rest;
  return out;
}

std::string emergencies(const std::string& text) {
  std::vector<std::string> found;
  for (const std::string& one : split(text, '\n')) {
    const LogLine line = read_log_line(one);
    if (line.level != "emerg" || line.words.starts_with("still could not bind")) continue;
    // nginx tries to bind five times and says so five times
    if (found.empty() || found.back() != line.words) found.push_back(line.words);
  }
  return found.empty() ? std::string(trim(text)) : join(found, "; ");
}

std::string next_step(const std::string& words, const std::string& otherwise) {
  const bool port = words.find("Address already in use") != std::string::npos;
  return port ? "find who listens there: ss -ltnp" : "see " + otherwise;
}

}  // namespace orctl
