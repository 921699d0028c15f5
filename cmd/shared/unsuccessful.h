#pragma once
#include <string>

#include "cli/main.h"

namespace orctl {

/// Keeps in the audit log what somebody wanted to change and was not let, or what failed. What was rolled back is
/// there.
void keep_unsuccessful(const Parsed& call, World& world, Exit exit, const std::string& why);

}  // namespace orctl
