#pragma once
#include <optional>
#include <string>

#include "live/verify.h"
#include "plan/plan.h"
#include "store/history.h"

namespace orctl {

/// Who asks for a change and why; goes into the revision and the audit log.
struct Request {
  RevisionNote note;
  Millis verify_limit{10000};
  Millis lock_wait{30000};
  Millis watch_log{1000};           ///< how long error.log is watched after a reload or restart; 0: it does not count
  Millis begun{Millis::max() / 2};  ///< Clock::uptime() when it was asked for: a later reload does for this one, too
  Millis confirm_within{0};         ///< how long a revision waits for `orctl confirm` (step ArmConfirm)
  /// What a history that cannot be read means: a change is made upon it, or is one of the process alone.
  enum class History { needed, passed_over } history = History::needed;
  bool accepts_changes = false;  ///< runs the live tree although others could have changed it
  bool ends_wait = false;        ///< takes the place of a revision that waits for its confirmation: rollback and delete
};

/// How one instance of a plan ended.
struct Outcome {
  std::string name;
  Impact impact = Impact::none;
  bool changed = false;
  int revision = 0;          ///< 0: no revision was made
  Millis confirm_within{0};  ///< 0: it stays without a confirmation
  Proof proof;
  Millis took{0};
  std::optional<Error> error;  ///< set when it failed; Exit::rolled_back when everything is as it was
};

}  // namespace orctl
