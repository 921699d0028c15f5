#pragma once
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// Exit::refused when a plan would serve a certificate that has ended, or has not begun, where `live` does not serve it
/// already: what ran out while it is served must not keep all else from being changed.
void refuse_untimely(const InstancePlan& plan, const Live& live, const World& world);

}  // namespace orctl
