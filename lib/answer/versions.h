#pragma once
#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& versions_noun();

/// The live revision of an instance, with the digests of its tree and of the one that runs.
Value version_item(const Observed& o);

Answer list_versions(const Choice& choice, const World& world);

}  // namespace orctl
