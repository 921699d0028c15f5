#pragma once
#include <set>
#include <string>

#include "model/value.h"

namespace orctl {

/// The files of an object that are others when its secrets are masked (model/masked.h): they hold some of a secret, in
/// whatever spelling, and are shown as their fingerprints. None for what an nginx serves.
std::set<std::string> files_with_secrets(const Value& spec);

}  // namespace orctl
