#pragma once
#include <functional>
#include <string>

#include "sys/world.h"

namespace orctl {

/// Waits until a reload of this master may be asked for: the last one is a second ago, and the workers of one earlier
/// reload at most still end their requests, so that with the next there are two such generations and never more: each
/// holds its memory and connections until then. When `limit` passes: Error(Exit::timeout) that names those workers.
void await_reload_turn(const World& world, const std::string& name, int master, Millis limit,
                       const std::function<void(const std::string&)>& note);

/// Whether every worker began so long after `moment` (Clock::uptime) that somebody's reload since then did what one
/// that was asked for at that moment would do.
bool was_reloaded_since(const World& world, int master, Millis moment);

}  // namespace orctl
