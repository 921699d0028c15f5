#pragma once
#include <functional>
#include <string>

#include "change/request.h"

namespace orctl {

/// Leaves one master of an instance that has two, as an upgrade leaves it that was killed, or somebody who started
/// nginx by hand; and none of the workers whose master was killed beside another one. An upgrade is finished when the
/// new master proves that it serves, and else taken back. The caller holds the lock.
void settle_masters(const std::string& name, World& world, const Request& request,
                    const std::function<void(const std::string&)>& note);

}  // namespace orctl
