#pragma once
#include <functional>
#include <limits>
#include <string>

#include "sys/world.h"

namespace orctl {

/// Which lines of a log are wanted.
struct LogChoice {
  static constexpr long all = std::numeric_limits<long>::max();
  long last = all;  ///< so many lines at most of those that are there
  Millis since{0};  ///< none older than this; 0: of any age
  bool follow = false;
};

/// Takes whole lines as they come; false: it wants no more.
using TakeLines = std::function<bool(const std::string&)>;

/// The lines of a log file of nginx. Following it ends by a signal only; it goes on over a rotation, and waits for a
/// file that is not there yet.
void read_log(const World& world, const std::string& path, const LogChoice& choice, const TakeLines& take);

/// What the journal has of `unit`: systemd's words, and what nginx wrote before it had its log.
void read_journal(const World& world, const std::string& unit, const LogChoice& choice, const TakeLines& take);

}  // namespace orctl
