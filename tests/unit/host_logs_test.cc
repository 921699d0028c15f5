#include <fmt/chrono.h>
#include <fmt/format.h>

#include <random>

#include "host/logs.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr int64_t now = 1'700'000'000;

std::string read(const std::string& path, LogChoice choice) {
  std::string all;
  read_log(World({}, "/nowhere"), path, choice, [&](const std::string& lines) {
    CHECK(lines.back() == '\n');
    all += lines;
    return true;
  });
  return all;
}

struct Line {
  int64_t time;  ///< 0: it has none, and belongs to the one before
  std::string text;
};

std::vector<Line> made_log(std::mt19937& random) {
  std::vector<Line> lines;
  int64_t time = now - 3600;
  for (size_t n = random() % 300; n > 0; --n) {
    time += static_cast<int64_t>(random() % 20);
    const bool continued = random() % 4 == 0;
    const std::string filler(random() % 50 == 0 ? 90'000 : random() % 300, 'x');
    lines.push_back({continued ? 0 : time, continued ? " " + filler + "\n"
                                                     : fmt::format("{:%Y/%m/%d %H:%M:%S} [error] {}\n",
                                                                   fmt::localtime(std::time_t{time}), filler)});
  }
  return lines;
}

}  // namespace

TEST_CASE("the lines asked for are those that reading all of the log would give") {
  const Scratch scratch;
  const std::string path = scratch / "error.log";
  ::setenv("ORCTL_FIXED_TIME", std::to_string(now).c_str(), 1);
  std::mt19937 random(4711);
  for (int turn = 0; turn < 60; ++turn) {
    const std::vector<Line> lines = made_log(random);
    std::string all;
    for (const Line& line : lines) all += line.text;
    Fs({}).write(path, all);
    const int64_t age = static_cast<int64_t>(random() % 3700) + 1;
    const size_t last = random() % 310 + 1;
    size_t since = 0;
    while (since < lines.size() && lines[since].time < now - age) ++since;
    std::string of_age, of_last, of_both;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i >= since) of_age += lines[i].text;
      if (i + last >= lines.size()) of_last += lines[i].text;
      if (i >= since && i + last >= lines.size()) of_both += lines[i].text;
    }
    CAPTURE(turn);
    CHECK(read(path, {}) == all);
    CHECK(read(path, {.since = std::chrono::seconds(age)}) == of_age);
    CHECK(read(path, {.last = static_cast<long>(last)}) == of_last);
    CHECK(read(path, {.last = static_cast<long>(last), .since = std::chrono::seconds(age)}) == of_both);
  }
  ::unsetenv("ORCTL_FIXED_TIME");
}

TEST_CASE("a line that is too long comes in pieces, and whoever wants no more gets no more") {
  const Scratch scratch;
  const std::string path = scratch / "access.log", line(3'000'000, 'y');
  Fs({}).write(path, line + "\nlast");
  std::string all = read(path, {});
  CHECK(all.ends_with("\nlast\n"));
  std::erase(all, '\n');
  CHECK(all == line + "last");
  int pieces = 0;
  read_log(World({}, "/nowhere"), path, {}, [&](const std::string&) { return ++pieces < 2; });
  CHECK(pieces == 2);
  CHECK(error_of([&] { read(scratch / "none", {}); }).exit() == Exit::target);
  CHECK(error_of([&] { read(scratch.path(), {}); }).exit() == Exit::refused);
}
