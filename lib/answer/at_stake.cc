#include "answer/at_stake.h"

#include <algorithm>

#include "gateway/metrics.h"

namespace orctl {
namespace {

bool disturbs(const InstancePlan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    return std::holds_alternative<Reload>(step) || step == Step(Supervise{Supervise::Action::restart}) ||
           step == Step(Supervise{Supervise::Action::stop});
  });
}

}  // namespace

AtStake at_stake(const Plan& plan, const World& world) {
  AtStake found;
  for (const InstancePlan& one : plan.instances) {
    const std::string socket = world.layout.admin_socket(one.name);
    if (!one.before || !one.has_process() || !disturbs(one) || !world.http.accepts({socket, ""}, Millis(1000)))
      continue;
    try {
      if (const auto count = gateway_connections(world, socket)) found[one.name] = *count;
    } catch (const Error&) {  // it is a remark, and what is wrong with a gateway is told by others
    }
  }
  return found;
}

}  // namespace orctl
