#pragma once
#include <string>

#include "model/layout.h"
#include "model/value.h"
#include "sys/world.h"

namespace orctl {

/// Throws Error(Exit::refused) when the tree of a new instance would take the place of something else below
/// /opt/openresty, or lie in another instance's tree: its layout is the word of whoever wrote the manifest. `folder` is
/// tree_folder().
void require_own_place(const std::string& name, const std::string& folder, const World& world, const Layout& layout);

/// Lets the user of an instance read the secrets in its own folder /etc/orctl/secrets/NAME that `spec` names, and
/// nobody else. Only under systemd, where nginx's master is not root.
void give_secrets(World& world, const Layout& layout, const Value& spec);

}  // namespace orctl
