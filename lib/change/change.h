#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "change/apply.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "live/observe.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// What a command wants done to some instances: the parts in which commands differ. What is absent is not done.
struct Wish {
  /// What comes before the locks are taken.
  enum class First {
    lock,      ///< nothing: what a kill left is settled before there is something to look at
    look,      ///< a look; where nothing is to be done or to be settled, not as much as a lock file is written
    only_look  ///< a look, and then nothing: a dry run
  } first = First::lock;
  std::vector<std::string> names;  ///< of the instances, in the order in which they are looked at and changed
  Request request;
  Impact most = Impact::restart;  ///< how much an instance that serves may be disturbed

  /// Called before each look: chooses what is known only when the locks are held, and may narrow the names.
  std::function<void(Wish&, const World&)> choose{};
  Observed (*look)(const std::string&, const World&, const NginxMasters&) = observe;
  /// Does, with the lock held, what no plan is about; true when nothing is left to be planned.
  std::function<bool(const Observed&, World&)> clear{};
  std::set<std::string> cleared{};  ///< those of which clear() left nothing
  /// What is to be done to one instance; nullopt: nothing is to be said of it, either.
  std::function<std::optional<InstancePlan>(Observed, const World&)> plan;
  /// The last thing before the first step.
  std::function<void(World&)> prepare{};
  /// Called for each instance that succeeded, once that is reported.
  std::function<void(const InstancePlan&, World&)> finish{};
};

/// Where a change is told of while it goes on; decides nothing.
struct Teller {
  std::function<void(const Plan&)> show;  ///< what is about to be done, or would be
  /// The end of a dry run.
  std::function<void(const Plan&)> dry_run;
  /// How each instance ended; those behind the first that failed have no outcome.
  std::function<void(const Plan&, const std::vector<Outcome>&)> report;
  std::function<void(const std::string&)> note;  ///< remarks on the work
  /// Something forbade the whole of it before the first step: the names that were meant, and what.
  std::function<void(const std::vector<std::string>&, const Error&)> stopped{};
};

/// How a change ended.
struct Changed {
  Plan plan;
  std::vector<Outcome> outcomes;  ///< none of a dry run

  Exit exit() const { return exit_of(outcomes); }
};

/// The one way to change instances: hold → plan → guard → show → carry out → report. Looks once at each instance with
/// its lock held, and at most once before that. Throws what forbids the whole of it; nothing was changed then. What
/// goes wrong with one instance later is in its outcome.
Changed change(Wish wish, World& world, const Teller& tell);

}  // namespace orctl
