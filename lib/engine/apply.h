#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/load.h"
#include "engine/observe.h"
#include "engine/target.h"
#include "engine/verify.h"
#include "model/layout.h"
#include "plan/plan.h"

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

/// The locks of some instances, taken in one order. While they are held, nobody else changes these instances, and an
/// apply that was killed half-way has been finished or undone, and what nobody confirmed in time has been taken back.
class Held {
 public:
  Held(const std::vector<std::string>& names, World& world, const Layout& layout, const Request& request,
       const std::function<void(const std::string&)>& note);

 private:
  std::vector<FileLock> locks_;
};

/// The desired version of a loaded instance on this host.
Version desired_version(const Loaded& loaded, const World& world, const Layout& layout);

/// The plan for some loaded instances: looks at each and says what to do. Exit::refused for a change that cannot be
/// made in place.
Plan make_plan(const std::vector<Loaded>& desired, const World& world, const Layout& layout);

/// The plan that takes one instance to a version of the store; `binary` as in plan_instance.
Plan make_plan(const Observed& now, std::optional<Version> after, const World& world, const Layout& layout);

/// Carries a plan out: the only function that takes a plan and changes the world. Each instance is proved, or put back
/// as it was; the first that fails ends it, and the rest is untouched. The caller holds the locks (Held). A plan that
/// was made upon something else than what is there now is refused (Exit::conflict), and so is a new revision of an
/// instance whose live one waits for its confirmation (Exit::guard), unless the request ends that wait.
std::vector<Outcome> apply(const Plan& plan, World& world, const Layout& layout, const Request& request,
                           const std::function<void(const std::string&)>& progress);

/// The exit code of all outcomes: 0, the error's own when nothing succeeded, Exit::partial when some did.
Exit exit_of(const std::vector<Outcome>& outcomes);

}  // namespace orctl
