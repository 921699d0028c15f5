#pragma once
#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& versions_noun();
/// Of all revisions of some instances.
const Noun& all_versions_noun();

/// The live revision of an instance, with the digests of its tree and of the one that runs.
Value version_item(const Observed& o);

/// The live revision of each instance; where instances are named, all of theirs, newest first.
Answer list_versions(const Choice& choice, const World& world);

}  // namespace orctl
