#pragma once
#include <functional>
#include <string>

#include "sys/world.h"

namespace orctl {

/// Removes what kills left of an instance. A fault of it stops no change.
void tidy(const std::string& name, World& world, const std::function<void(const std::string&)>& note);

/// What orctl keeps of all instances is private, whatever the umask; also what an older orctl left open.
void close_library(World& world);

}  // namespace orctl
