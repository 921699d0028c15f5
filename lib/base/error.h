#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace orctl {

/// What the process tells its caller; one meaning each, the same for every command.
enum class Exit : int {
  ok = 0,            ///< done, or the answer is yes
  no = 1,            ///< the answer is no: differs, invalid, unhealthy
  usage = 2,         ///< wrong flags, arguments or configuration
  refused = 3,       ///< a changing command refused bad input; nothing was changed
  unreachable = 4,   ///< cannot reach or authenticate
  target = 5,        ///< the target (nginx, git, the kernel) answered with an error
  partial = 6,       ///< some targets done, some not
  conflict = 7,      ///< lock held, store moved, stale plan
  timeout = 8,       ///< the deadline passed
  guard = 9,         ///< refused by a guard that a flag can override
  changed = 10,      ///< changed; only with --detailed-exitcode
  rolled_back = 11,  ///< failed, and everything is as it was
  broken = 12,       ///< failed, and so did the roll-back
  absent = 13,       ///< what was named does not exist
};

/// The one exception of the program: what went wrong, what to do next, and how to exit.
class Error : public std::runtime_error {
 public:
  Error(Exit exit, const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)), exit_(exit) {}

  Exit exit() const { return exit_; }
  const std::string& hint() const { return hint_; }

  /// The same error with `context: ` before its message; added on the way out.
  Error within(const std::string& context) const { return Error(exit_, context + ": " + what(), hint_); }
  /// The same error with another exit code; the message stays.
  Error as(Exit exit) const { return Error(exit, what(), hint_); }

 private:
  std::string hint_;
  Exit exit_;
};

}  // namespace orctl
