#include "host/logs.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "host/child_words.h"

namespace orctl {
namespace {

constexpr size_t block_size = size_t{64} << 10;
/// A line is given in pieces when it is longer.
constexpr size_t longest_line = size_t{1} << 20;
constexpr Millis poll_interval(250);

int64_t seconds(Millis span) { return std::chrono::ceil<std::chrono::seconds>(span).count(); }

/// The digits of the time that begins a line, YYYYMMDDhhmmss in local time: error.log has "2026/11/21 15:55:01 [", the
/// others `{"time":"2026-11-21T15:55:01+`. "" when the line has none, as the second of two that belong together.
std::string stamp_of(std::string_view line) {
  constexpr std::string_view json = "{\"time\":\"";
  if (line.starts_with(json)) line.remove_prefix(json.size());
  std::string digits;
  for (const char c : line.substr(0, 19))
    if (c >= '0' && c <= '9') digits += c;
  return digits.size() == 14 ? digits : "";
}

/// Where the last `count` lines begin.
int64_t begin_of_last(const OpenFile& log, int64_t size, long count) {
  for (int64_t end = size; end > 0;) {
    const int64_t begin = std::max<int64_t>(0, end - static_cast<int64_t>(block_size));
    const std::string block = log.read(begin, static_cast<size_t>(end - begin));
    for (size_t i = block.size(); i-- > 0;) {
      const int64_t next = begin + static_cast<int64_t>(i) + 1;
      if (block[i] == '\n' && next < size && --count == 0) return next;
    }
    end = begin;
  }
  return 0;
}

/// The first line with a stamp that begins in [`from`, `to`): where, and its stamp; {`to`, ""} when there is none.
std::pair<int64_t, std::string> first_stamped(const OpenFile& log, int64_t from, int64_t to) {
  bool at_line = from == 0;
  for (int64_t at = from; at < to;) {
    const std::string block = log.read(at, block_size);
    if (block.empty()) break;
    const size_t newline = block.find('\n');
    if (at_line)
      if (std::string stamp = stamp_of(block); !stamp.empty()) return {at, stamp};
    at_line = newline != std::string::npos;
    at += static_cast<int64_t>(at_line ? newline + 1 : block.size());
  }
  return {to, ""};
}

/// Where the first line begins that is not older than `threshold`. Lines of a log are in the order of their times.
int64_t begin_since(const OpenFile& log, int64_t size, const std::string& threshold) {
  int64_t low = 0, high = size;  // what begins below low is older, what begins at high or above is not
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto [at, stamp] = first_stamped(log, middle, high);
    if (stamp.empty() || stamp >= threshold)
      high = middle;
    else
      low = at + 1;
  }
  return first_stamped(log, low, size).first;
}

int64_t begin_of(const OpenFile& log, int64_t size, const LogChoice& choice, const World& world) {
  if (choice.last == 0) return size;
  const int64_t last = choice.last == LogChoice::all ? 0 : begin_of_last(log, size, choice.last);
  if (choice.since.count() == 0) return last;
  const std::time_t when = world.clock.now() - seconds(choice.since);
  return std::max(last, begin_since(log, size, fmt::format("{:%Y%m%d%H%M%S}", fmt::localtime(when))));
}

/// Makes whole lines of pieces.
class Lines {
 public:
  explicit Lines(const TakeLines& take) : take_(take) {}

  /// False when nobody wants more. An unfinished line waits for its end.
  bool add(std::string_view text) {
    rest_ += text;
    size_t end = rest_.rfind('\n') + 1;
    if (end == 0 && rest_.size() < longest_line) return true;
    if (end == 0) end = (rest_ += '\n').size();
    const std::string whole = rest_.substr(0, end);
    rest_.erase(0, end);
    return take_(whole);
  }
  bool finish() { return rest_.empty() || add("\n"); }

 private:
  const TakeLines& take_;
  std::string rest_;
};

/// One log file, read to its end again and again.
class LogReader {
 public:
  LogReader(OpenFile file, int64_t offset, const TakeLines& take)
      : file_(std::move(file)), offset_(offset), lines_(take) {}

  int64_t inode() const { return file_.inode(); }

  /// Gives what was written since; false when nobody wants more.
  bool read_on() {
    if (file_.size() < offset_) offset_ = 0;  // somebody cut it
    for (;;) {
      const std::string block = file_.read(offset_, block_size);
      if (block.empty()) return true;
      offset_ += static_cast<int64_t>(block.size());
      if (!lines_.add(block)) return false;
    }
  }
  bool finish() { return read_on() && lines_.finish(); }

 private:
  OpenFile file_;
  int64_t offset_;
  Lines lines_;
};

void follow(const World& world, const std::string& path, std::optional<LogReader> log, const TakeLines& take) {
  for (; interrupted() == 0; world.clock.pause(poll_interval)) {
    if (log && !log->read_on()) return;
    const auto named = world.fs.stat(path);
    if (!named || (log && named->inode == log->inode())) continue;
    auto opened = world.fs.open(path);
    if (!opened) continue;
    // nginx writes to the old file until each worker has opened the new one
    if (log) world.clock.pause(poll_interval);
    if (log && !log->finish()) return;
    log.emplace(std::move(*opened), 0, take);
  }
}

}  // namespace

void read_log(const World& world, const std::string& path, const LogChoice& choice, const TakeLines& take) {
  std::optional<LogReader> log;
  if (auto file = world.fs.open(path)) {
    const int64_t begin = begin_of(*file, file->size(), choice, world);
    log.emplace(std::move(*file), begin, take);
  } else if (!choice.follow) {
    throw Error(Exit::target, "there is no " + path, "nginx makes it when it starts");
  }
  if (choice.follow)
    follow(world, path, std::move(log), take);
  else
    log->finish();
}

void read_journal(const World& world, const std::string& unit, const LogChoice& choice, const TakeLines& take) {
  std::vector<std::string> argv = {"/usr/bin/journalctl", "--no-pager", "--quiet", "--output=short-iso",
                                   "--unit=" + unit};
  argv.push_back("--lines=" + (choice.last == LogChoice::all ? "all" : std::to_string(choice.last)));
  if (choice.since.count() > 0) argv.push_back(fmt::format("--since=-{}s", seconds(choice.since)));
  if (choice.follow) argv.push_back("--follow");
  Proc::Result result;
  Lines lines(take);
  try {
    result = world.proc.stream(argv, [&](std::string_view text) { return lines.add(text); });
  } catch (const Error&) {
    if (interrupted() == 0) throw;
  }
  if (result.status != 0)
    throw Error(Exit::target, "journalctl: " + why_failed(result), "run it by hand: journalctl -u " + unit);
}

}  // namespace orctl
