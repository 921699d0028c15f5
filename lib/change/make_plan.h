#pragma once
#include <optional>
#include <vector>

#include "live/observe.h"
#include "manifest/load.h"
#include "plan/plan.h"
#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// The desired version of a loaded instance on this host.
Version desired_version(const Loaded& loaded, const World& world);

/// The version of a loaded instance on a host that has this nginx.
Version version_for(const Loaded& loaded, const Target& target, const Layout& layout);

/// The desired version of an object that lives in files on this host.
Version desired_version(const Object& object, const World& world);

/// The plan for all that some manifests describe: looks at each and says what to do. Exit::refused for a change that
/// cannot be made in place.
Plan make_plan(const Manifests& desired, const World& world);

/// How two versions differ, with the impact of each change; `base` is the commit of the first, "" when it has none.
InstancePlan compare(const std::string& name, const std::string& base, std::optional<Version> before,
                     std::optional<Version> after);

/// The plan that leads from what some manifests describe to what others do, on a host with OpenResty that serves the
/// first. No host is looked at.
Plan plan_between(const Manifests& before, const Manifests& after, const World& world);

/// The plan that takes one instance to a version; `binary` as in plan_instance.
InstancePlan make_plan(Observed now, std::optional<Version> after, const World& world);

}  // namespace orctl
