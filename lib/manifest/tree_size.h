#pragma once
#include <string>

#include "base/tree.h"
#include "model/instance.h"
#include "plan/plan.h"

namespace orctl {

/// Adds to `found` what of an instance is too much to be kept: of its tree and of all that its version is committed
/// with (new_tree_limits), of the gateway's document, and of the names of the tree's folders. Needs no nginx, so
/// validate finds what apply would. The document, if it had to be made; else "".
std::string check_size(const Instance& instance, const Tree& overlay, Diagnostics& found);

/// Throws Error(Exit::refused) when `version` of `name` could not be read again (kept_tree_limits), or its document is
/// too large.
void require_keepable(const Version& version, const std::string& name);

}  // namespace orctl
