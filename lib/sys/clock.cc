#include "sys/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/error.h"
#include "sys/env.h"
#include "sys/interrupt.h"

namespace orctl {

using std::chrono::steady_clock;

Deadline Deadline::in(Millis span) {
  // Beyond some years the sum with now() could overflow.
  constexpr Millis longest = std::chrono::hours(24 * 3660);
  Deadline deadline;
  deadline.at_ = steady_clock::now() + std::clamp(span, Millis(0), longest);
  return deadline;
}

Millis Deadline::left() const {
  // Rounded up, so that a wait of left() never ends before the deadline.
  return std::max(Millis(0), std::chrono::ceil<Millis>(at_ - steady_clock::now()));
}

int64_t Clock::now() const {
  const std::string fixed = Env().get("ORCTL_FIXED_TIME");
  if (fixed.empty()) return static_cast<int64_t>(::time(nullptr));
  int64_t seconds = 0;
  const char* end = fixed.data() + fixed.size();
  const auto [stop, error] = std::from_chars(fixed.data(), end, seconds);
  if (error != std::errc() || stop != end || seconds < 0) {
    throw Error(Exit::usage, fmt::format("ORCTL_FIXED_TIME is '{}', not a number of seconds since 1970", fixed),
                "unset ORCTL_FIXED_TIME; it is for tests");
  }
  return seconds;
}

Millis Clock::uptime() const {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::duration_cast<Millis>(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::string Clock::boot() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

void Clock::pause(Millis span) const {
  const Deadline deadline = Deadline::in(span);
  while (!deadline.passed() && interrupted() == 0) {
    // A signal between the check and the sleep is seen a slice later.
    const auto slice = std::chrono::nanoseconds(std::min(deadline.left(), Millis(100))).count();
    const timespec wait = {0, static_cast<long>(slice)};
    ::nanosleep(&wait, nullptr);
  }
}

}  // namespace orctl
