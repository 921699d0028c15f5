#pragma once
#include <optional>
#include <string>

#include "manifest/load.h"
#include "store/repair.h"

/// Which manifest a live tree is of, when the store does not say it; a part of store_repair.h.
namespace orctl {

/// Spec and manifest for the live tree of `repair`: those of the revision that gives it, a lost one's, or the given
/// manifest's, which must give this tree; where that cannot be proved, a question is added to `repair`. Exit::refused
/// when nothing does.
Version describe_tree(Repair& repair, const std::optional<Loaded>& manifest, const Tree& tree, const World& world);

/// Refuses a live tree, in the folder `place`, into which somebody wrote a secret: the store keeps for ever what
/// becomes its revision. Lines that the manifest gives were looked at before. `version` has tree and unit as they are
/// on disk.
void refuse_secrets(const Version& version, const std::optional<Loaded>& manifest, const std::string& place,
                    const World& world);

}  // namespace orctl
