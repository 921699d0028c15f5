#pragma once
#include "base/layout.h"
#include "model/config.h"
#include "sys/world.h"

namespace orctl {

/// The configuration that holds here: /etc/orctl/config.toml below the root, then config.toml in $XDG_CONFIG_HOME/orctl
/// or ~/.config/orctl when it is the caller's own. A file that is not there says nothing; one that cannot be used is a
/// fault in `found`. Where root works on the whole host, the host's file must be root's and nobody else's to write.
Config load_config(const Fs& fs, const Env& env, const Layout& layout);

/// The same for a command that goes on only with a sound one: Exit::usage otherwise.
Config sound_config(const World& world);

}  // namespace orctl
