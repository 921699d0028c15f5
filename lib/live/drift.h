#pragma once
#include <vector>

#include "live/observe.h"
#include "plan/drift.h"

namespace orctl {

/// How what the store calls live, what lies on the host and what runs differ, file by file and worker by worker; empty
/// where all three agree. An instance that was stopped runs nothing that could differ; overrides are meant to. Throws
/// where the history cannot be read; of one that is `broken` there is nothing to compare.
std::vector<Drift> find_drift(const Observed& now, const World& world);

/// Of find_drift() what of it is about the process: `kept` is what the store calls live.
std::vector<Drift> drift_of_process(const Observed& now, const KeptFiles& kept);

/// The revisions by which a live tree is judged, whichever of them orctl has written there last: the one that the store
/// calls live, and the newest. Empty where the tree is whole by its own word and in neither: the store was put back to
/// an older one, or a change was killed half-way, and no hand did that.
std::vector<KeptFiles> revisions_of_tree(const Observed& now, const World& world);

}  // namespace orctl
