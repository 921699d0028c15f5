#pragma once
#include <functional>
#include <optional>

#include "change/request.h"
#include "live/observe.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// The plan that starts, stops, restarts or (no action) reloads an instance as it is on disk, once the guards let it.
/// What is wrong with the instance and keeps nobody from that is handed to `warn`.
InstancePlan plan_process(const Observed& now, std::optional<Supervise::Action> action, const Request& request,
                          const World& world, const std::function<void(const Error&)>& warn);

}  // namespace orctl
