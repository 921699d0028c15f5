#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/layout.h"
#include "sys/world.h"

namespace orctl {

/// The folder below Layout::trees() that is this instance's tree by what is in it, wherever a layout has put it; ""
/// when there is none.
std::string find_own_tree(const std::string& name, const World& world);

/// Trees that say of themselves whose they are, and of whom the store has no word: by the instance's name, the folder.
/// The store was lost, or an old copy of it was put back; what runs there is nobody else's.
std::map<std::string, std::string> lost_instances(const World& world);

/// What to say of such a one; nullopt when the store knows the instance, or no tree is its own.
std::optional<Error> lost_history(const std::string& name, const World& world);

/// The command that makes its history from what runs.
std::string mend_lost_history(const std::string& name);

}  // namespace orctl
