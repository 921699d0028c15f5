#pragma once
#include <string>
#include <vector>

#include "sys/world.h"

namespace orctl {

/// Something that orctl makes for a while only, or of an instance that is gone. `instance` is "" when nobody can tell
/// whose it is.
struct Leftover {
  std::string path, instance;
  bool operator==(const Leftover&) const = default;
};

/// What is there now of all that orctl makes for one instance under a name that is not to stay, a wait for a
/// confirmation that has no record included: of an apply that was killed, as long as nobody else holds the instance's
/// lock. `folder` is that of its tree; "" when that is not known. The one place that knows these names, but for a tree
/// set aside, which belongs to heal_swap().
std::vector<std::string> leftovers(const std::string& name, const std::string& folder, const World& world);

/// Removes them, and ends the units of theirs that still run. The caller holds the instance's lock.
void remove_leftovers(const std::string& name, const std::string& folder, World& world);

/// All of them on this host, and what is there of instances that the store does not call live: trees, folders, units,
/// users. Sorted by path.
std::vector<Leftover> strays(const World& world);

}  // namespace orctl
