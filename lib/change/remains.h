#pragma once
#include <functional>
#include <string>

#include "change/request.h"
#include "live/observe.h"
#include "sys/world.h"

namespace orctl {

/// observe(), and what can be known of one whose history cannot be read or is lost.
Observed look_to_delete(const std::string& name, const World& world, const NginxMasters& all);

/// What is left of an instance that is not there: of a first apply that was killed before it made a revision, or of a
/// delete. Not where a tree or a unit says that it is there for another store.
bool has_remains(const Observed& now, const World& world);

/// Removes that, and tells the audit log. The caller holds the lock.
void remove_remains(const std::string& name, World& world, const Request& request,
                    const std::function<void(const std::string&)>& tell);

}  // namespace orctl
