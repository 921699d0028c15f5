#pragma once
#include <vector>

#include "plan/plan.h"
#include "plan/traces.h"

namespace orctl {

/// Whether a change that fails now has changed anything that people or processes can see, and so is put back.
bool has_effects(const Traces& there);

/// Whether nothing can be put back any more: a delete has begun to remove files, or nobody has the tree.
bool is_beyond_return(const InstancePlan& plan, const Traces& there);

/// The steps that put everything back as `plan.before` has it, whatever of `plan` was done. In the order that is safe:
/// the tree before the process that reads it; a unit that was not there goes when its process has ended; nothing that
/// others could have changed goes live or is run.
std::vector<Step> undo(const InstancePlan& plan, const Traces& there);

}  // namespace orctl
