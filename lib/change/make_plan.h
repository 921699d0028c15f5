#pragma once
#include <optional>
#include <vector>

#include "live/observe.h"
#include "manifest/load.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// The desired version of a loaded instance on this host.
Version desired_version(const Loaded& loaded, const World& world);

/// The desired version of an object that lives in files on this host.
Version desired_version(const Object& object, const World& world);

/// The plan for all that some manifests describe: looks at each and says what to do. Exit::refused for a change that
/// cannot be made in place.
Plan make_plan(const Manifests& desired, const World& world);

/// The plan that takes one instance to a version; `binary` as in plan_instance.
InstancePlan make_plan(Observed now, std::optional<Version> after, const World& world);

}  // namespace orctl
