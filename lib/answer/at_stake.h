#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// Clients' connections to instances whose process a plan renews or ends, by the instance's name.
using AtStake = std::map<std::string, int64_t>;

/// Asks their gateways; one that does not tell is left out.
AtStake at_stake(const Plan& plan, const World& world);

}  // namespace orctl
