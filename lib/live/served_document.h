#pragma once
#include <optional>
#include <string>

#include "plan/plan.h"
#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// The one upstream of `after` that the gateway has still to prove that it takes; nullopt: the whole document. It is
/// one only where every worker runs the tree of both, its Lua and settings, and serves all that `before` has on disk.
std::optional<UpstreamText> news_for_gateway(const std::string& name, const Version& before, const Version& after,
                                             const World& world);

}  // namespace orctl
