#pragma once
#include <string>
#include <vector>

#include "cli/command.h"

namespace orctl {

/// Tells of instances with two masters: what is asked of such a one, one of the two answers.
void warn_masters(Io& io, const std::vector<std::string>& names, const World& world);

}  // namespace orctl
