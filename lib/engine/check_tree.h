#pragma once
#include <string>

#include "model/layout.h"
#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// Checks a staged tree where it stands, with the binary that will run it: `nginx -t`, then every Lua file and every
/// Lua block compiled and the gateway document loaded inside that nginx. Throws Error(Exit::refused) with all it said.
void check_staged_tree(World& world, const Layout& layout, const std::string& name, const std::string& stage,
                       const Tree& tree, const Target& target);

}  // namespace orctl
