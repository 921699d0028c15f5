#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace orctl {

/// Whether `name` stands in `text` by itself: not in another name, nor at the end of a path or in a unit's name.
bool is_named(std::string_view text, std::string_view name);

/// An error of the instance `name`: the message begins with it unless it names it already. "": of none.
Error named(const Error& error, const std::string& name);

/// What `act` gives; an Error that it throws names the instance that it was about.
template <class Act>
auto about(const std::string& name, const Act& act) {
  try {
    return act();
  } catch (const Error& e) {
    throw named(e, name);
  }
}

}  // namespace orctl
