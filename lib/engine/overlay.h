#pragma once
#include <string>

#include "base/tree.h"
#include "model/kinds.h"
#include "sys/world.h"

namespace orctl {

/// Reads the files that a manifest (`source`, field `files`) lays over its tree from `folder`, and adds to `found` what
/// may not be there: other places than http.d/, streams.d/, lua/ and certs/, odd names, binary files, forbidden
/// directives.
Tree read_overlay(const Source& source, const Value& files, const std::string& folder, const World& world,
                  Diagnostics& found);

/// The files of a tree that its manifest's folder laid over it; render() makes the others.
Tree overlay_of(const Tree& tree);

/// Adds to `found` every Lua module that a check of `instance` names and its overlay does not hold.
void check_modules(const Instance& instance, const Tree& overlay, Diagnostics& found);

}  // namespace orctl
