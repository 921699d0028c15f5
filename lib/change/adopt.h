#pragma once
#include <string>
#include <vector>

#include "live/observe.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// What edits on the host become: a version that a manifest gives, and what its owner is to do to his own manifest.
struct Adoption {
  Version version;
  std::vector<std::string> files;  ///< of the overlay, that were added, changed or taken away
  bool edits_manifest = false;     ///< the document was edited, and the manifest with it
};

/// The version that has all that somebody edited on the host: files of the overlay, and what the fields of upstreams
/// and routes can say of the document, be it edited on disk or put on the admin socket. nullopt when nothing was
/// edited. Exit::guard for an edit that no manifest gives; Exit::refused for one that no manifest may hold.
std::optional<Adoption> adopt_edits(const Observed& now, const World& world);

}  // namespace orctl
