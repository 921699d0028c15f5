#pragma once
#include <optional>
#include <string>
#include <vector>

#include "live/observe.h"
#include "plan/plan.h"
#include "sys/trust.h"

namespace orctl {

/// Every file of a live tree that is not as the revision `commit` has it, by path; of one that is no regular file, or
/// is gone, it says so. Throws where the history cannot be read.
std::vector<std::string> changed_by_hand(const Tree& live, const std::string& commit, const World& world);

/// Who besides root could have changed what root runs; nullopt for all others, whose own it is.
std::optional<Distrust> distrust_live_tree(const std::string& tree, const World& world);

/// The same as a warning that names the instance.
std::optional<Error> warning_of_trust(const std::string& name, const std::string& tree, const World& world);

/// What is wrong with the live tree of an instance that was looked at, and as its hint what mends it; nullopt when
/// nothing is.
std::optional<Error> fault_of_tree(const Observed& now, const World& world);

/// Refuses, before anything of a plan is done, what would make nginx fail or hang when it reads its tree anew: a log
/// that is no regular file, and, when the plan brings no tree of its own, a live tree that was changed by hand so that
/// nginx or its Lua does not take it. Throws Error(Exit::refused).
void require_runnable(const InstancePlan& plan, const std::string& tree, World& world);

/// What mends an instance that could not be put back: a master that hangs takes no signal but the one that ends it.
std::string way_out(const std::string& name, const std::string& tree, const World& world);

}  // namespace orctl
