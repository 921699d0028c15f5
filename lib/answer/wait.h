#pragma once
#include <functional>
#include <string>

#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

/// What keeps an instance from a condition; "" when it meets it.
using Condition = std::function<std::string(const std::string& instance)>;

/// "healthy", "generation=7" or "drained=pay/10.0.0.1:8080" as what tells it; `world` is asked each time.
/// Error(Exit::usage) when it is none of these.
Condition condition_of(const std::string& text, const World& world);

enum class Met { no, yes };

/// How a wait for an instance ended.
Value wait_item(const std::string& instance, const std::string& condition, Met met);

}  // namespace orctl
