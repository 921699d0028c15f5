#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "gateway/metrics.h"
#include "sys/world.h"

namespace orctl {

/// What an instance had counted at a moment.
struct Counted {
  Deadline since = Deadline::in(Millis(0));  ///< a far one that was set then
  std::vector<Traffic> traffic;
};

enum class Count { in_all, between_looks };

const Noun& traffic_noun(Count count);

/// Asks the gateway of an instance.
Counted count_traffic(const std::string& instance, const World& world);

/// What was counted from the start until `now`, an item for each upstream and each of its servers.
Value::Array traffic_items(const std::string& instance, const Counted& now);
/// What came since `before`, with rates.
Value::Array traffic_items(const std::string& instance, const Counted& before, const Counted& now);

/// Those of `names` whose gateways can be asked; the others are warned of.
std::vector<std::string> running_instances(const std::vector<std::string>& names, const World& world, Answer& answer);

}  // namespace orctl
