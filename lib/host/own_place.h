#pragma once
#include <string>

#include "model/value.h"
#include "sys/world.h"

namespace orctl {

/// Throws Error(Exit::refused) when the tree of a new instance would take the place of something else below
/// /opt/openresty, or lie in another instance's tree: its layout is the word of whoever wrote the manifest. `folder` is
/// tree_folder().
void require_own_place(const std::string& name, const std::string& folder, const World& world);

/// Throws Error(Exit::refused) when a secret or a certificate of the host that `spec` names is a FIFO, say, which would
/// keep nginx waiting, or a secret far larger than any.
void require_named_files(const Value& spec, const World& world);

/// For root: throws Error(Exit::refused) when a secret that `spec` names was not put there by root, or can be read by
/// everybody. Under systemd, where nginx's master is not root, it lets the user of the instance read those in the
/// instance's own folder /etc/orctl/secrets/NAME, and nobody else.
void settle_secrets(World& world, const Value& spec);

}  // namespace orctl
