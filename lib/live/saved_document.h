#pragma once
#include <string>

#include "sys/world.h"

namespace orctl {

/// The digest of the document that a start of the instance serves in the place of `document`, that of its tree:
/// somebody sent it with `x-save: 1`, and it lies in the state folder (lua/orctl/state/saved.lua). "" when there is
/// none that the gateway would take.
std::string saved_document_digest(const std::string& name, const std::string& document, const World& world);

}  // namespace orctl
