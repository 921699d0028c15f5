#pragma once
#include <functional>
#include <string>

#include "change/request.h"
#include "live/observe.h"

namespace orctl {

/// Stops a broken instance and removes what is provably its own: its tree, its unit, and the folders and the user of
/// its name. Its refs go, and those whose history cannot be read are kept in the store's folder orctl-aside. The caller
/// holds the lock.
void delete_salvaged(const Observed& now, World& world, const Request& request,
                     const std::function<void(const std::string&)>& tell);

}  // namespace orctl
