#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

/// An object as TOML 1.0 that reads as the same values; what is null is left out, as TOML has none.
std::string to_toml(const Value& object);

}  // namespace orctl
