#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

/// What the schemas say of "instance", "instance.upstream.server.weight", "config.policy", …: type, default, range,
/// what a change costs, and the fields below it. Error(Exit::absent) with the nearest when there is no such field.
Value field_item(const std::string& path);

/// The same as people read it.
std::string field_text(const Value& item);

}  // namespace orctl
