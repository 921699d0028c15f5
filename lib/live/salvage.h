#pragma once
#include <map>
#include <string>

#include "live/observe.h"

/// Of an instance whose history cannot be read: what its live tree and its process tell, and what can be done by that.
namespace orctl {

/// The newest spec of the instance that its history still gives; nullopt when there is none.
std::optional<Value> readable_spec(const std::string& name, const World& world);

/// What every instance of this name has, for one whose spec is lost: nothing that would be asked of its process.
Value bare_spec(const std::string& name, const std::string& folder);

/// What is known of the instance without its history; `why` is what could not be read.
Observed salvage(const std::string& name, const Error& why, const World& world);

}  // namespace orctl
