#pragma once
#include <string>

#include "sys/world.h"

namespace orctl {

/// What calls `orctl confirm --expired NAME` when the time is over, whatever becomes of us and of the session: a timer
/// of systemd that a restart of the machine starts again, or a child in a session of its own that waits by itself.
void start_confirm_timer(const std::string& name, Millis within, Millis verify_limit, World& world);

/// Removes the timer. A waiting child ends by itself when the record is gone.
void stop_confirm_timer(const std::string& name, World& world);

}  // namespace orctl
