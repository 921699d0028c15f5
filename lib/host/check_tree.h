#pragma once
#include <optional>
#include <string>

#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// Checks a staged tree where it stands, with the binary that will run it: every Lua file and every Lua block compiled,
/// the gateway document and the certificates loaded inside that nginx, then `nginx -t`. Of a document that this very
/// Lua serves all but for one upstream, that `news` is what is loaded (live/served_document.h). Where systemd runs the
/// instance, that nginx is confined as its unit will be: it runs as the instance's user, and what a hostile tree makes
/// it do, it cannot do as root (threat T9). Throws Error(Exit::refused) with all it said.
void check_staged_tree(World& world, const Value& spec, const std::string& stage, const Tree& tree,
                       const Target& target, const std::optional<UpstreamText>& news = {});

}  // namespace orctl
