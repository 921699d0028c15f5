#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace orctl {

using Millis = std::chrono::milliseconds;

/// A point in time by the monotonic clock; a jump of the wall clock does not move it.
class Deadline {
 public:
  static Deadline in(Millis span);
  Millis left() const;  ///< never negative
  bool passed() const { return left().count() == 0; }

 private:
  std::chrono::steady_clock::time_point at_{};
};

/// The time, by the wall and since the machine started.
class Clock {
 public:
  /// Seconds since 1970 by the wall clock, or the value of ORCTL_FIXED_TIME in tests: for what people read, and for the
  /// dates of certificates; no other decision goes by it.
  int64_t now() const;
  /// Since the machine started, by the monotonic clock: the same for every process, and no jump moves it. Tells the
  /// time between processes as long as boot() is the same.
  Millis uptime() const;
  std::string boot() const;  ///< the kernel's id of this start of the machine
  /// Waits `span`, or less when interrupted.
  void pause(Millis span) const;
};

}  // namespace orctl
