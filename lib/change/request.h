#pragma once
#include "live/outcome.h"
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
  bool accepts_changes = false;   ///< runs the live tree although others could have changed it
  bool overwrites_drift = false;  ///< takes edits by hand away without asking
  bool ends_wait = false;  ///< takes the place of a revision that waits for its confirmation: rollback and delete
};

}  // namespace orctl
