#pragma once
#include <vector>

#include "base/tree.h"
#include "plan/plan.h"

namespace orctl {

/// "sha256:0123456789ab", what is shown of a file.
Value brief(const TreeFile& file);

/// Tells of the rights and owners of files. Of a file that is replaced anyway nothing more is said; what many have in
/// common is told once.
void diff_rights(const std::vector<Misfit>& misfits, std::vector<Change>& out);

/// Completes the plan of an object that lives in files (kind/kind.h), from its `before` and `after`.
InstancePlan plan_files(InstancePlan plan, const std::vector<Misfit>& misfits);

}  // namespace orctl
