#pragma once
#include <string>

#include "plan/plan.h"
#include "plan/traces.h"
#include "sys/world.h"

namespace orctl {

/// The folder of the tree that a plan is about, below Layout::trees(); the usual one when it holds no version.
std::string folder_of(const InstancePlan& plan);

/// Where the live tree and the staged one are; while an exchange in two renames is cut off, one of them lies aside.
struct TreePlaces {
  std::string live, stage;
  bool aside = false;
};
TreePlaces find_trees(const std::string& folder, const World& world);

/// What the store knows of an instance's newest revision, as if its change had been killed; `commit` is "" when it has
/// none.
Traces look_at_store(const std::string& name, const World& world);

/// Adds what else is left of a change that may have been killed, as far as Fate::settled needs it: no tree is read.
Traces look_at_places(const InstancePlan& plan, Traces there, const World& world);

/// Adds all that can be seen of what the change may have touched.
Traces look(const InstancePlan& plan, Traces there, const World& world);

}  // namespace orctl
