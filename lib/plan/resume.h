#pragma once
#include <vector>

#include "plan/plan.h"
#include "plan/traces.h"

namespace orctl {

/// What becomes of the newest revision of an instance, whose change may have been killed.
enum class Fate {
  settled,    ///< it had come to its end, or had been put back; at most that was not said, or the stage was left
  forgotten,  ///< it had not come as far as the exchange of the trees: what was there before still is
  finished    ///< its tree is in place, or its process may have been ended: it is made to serve, or else undone
};

/// Whether `there` says of itself that the fate is Fate::settled: no tree has to be looked at for it.
bool is_settled(const Traces& there);
Fate fate(const InstancePlan& plan, const Traces& there);

/// The steps that settle, forget or finish it; a change that is finished ends with closing() and sweeping() as any
/// other, and with undo() when it fails. Empty when there is nothing to do.
std::vector<Step> resume(const InstancePlan& plan, const Traces& there);

/// What makes a change that is proved the one that counts.
std::vector<Step> closing(const InstancePlan& plan, const Traces& there);
/// What is left to be done then; nothing is put back for it.
std::vector<Step> sweeping(const InstancePlan& plan, const Traces& there);

}  // namespace orctl
