#pragma once
#include <map>
#include <string>

#include "engine/observe.h"

/// Of an instance whose history cannot be read: what its live tree and its process tell, and what can be done by that.
namespace orctl {

struct Request;

/// The folder below Layout::trees() that is this instance's tree by what is in it, wherever a layout has put it; ""
/// when there is none.
std::string find_own_tree(const std::string& name, const World& world, const Layout& layout);

/// Trees that say of themselves whose they are, and of whom the store has no word: by the instance's name, the folder.
/// The store was lost, or an old copy of it was put back; what runs there is nobody else's.
std::map<std::string, std::string> lost_instances(const World& world, const Layout& layout);
/// What to say of such a one; nullopt when the store knows the instance, or no tree is its own.
std::optional<Error> lost_history(const std::string& name, const World& world, const Layout& layout);
/// The command that makes its history from what runs.
std::string mend_lost_history(const std::string& name);

/// The newest spec of the instance that its history still gives; nullopt when there is none.
std::optional<Value> readable_spec(const std::string& name, const World& world);

/// What is known of the instance without its history; `why` is what could not be read.
Observed salvage(const std::string& name, const Error& why, const World& world, const Layout& layout);

/// Stops a broken instance and removes what is provably its own: its tree, its unit, and the folders and the user of
/// its name. Its refs go, and those whose history cannot be read are kept in the store's folder orctl-aside. The caller
/// holds the lock.
void delete_salvaged(const Observed& now, World& world, const Layout& layout, const Request& request,
                     const std::function<void(const std::string&)>& tell);

}  // namespace orctl
