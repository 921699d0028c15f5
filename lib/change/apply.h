#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "change/request.h"
#include "host/target.h"
#include "live/verify.h"
#include "manifest/load.h"
#include "plan/plan.h"

namespace orctl {

/// Carries a plan out: the only function that takes a plan and changes the world. Each instance is proved, or put back
/// as it was; the first that fails ends it, and the rest is untouched. The caller holds the locks (Held). A plan that
/// was made upon something else than what is there now is refused (Exit::conflict), and so is a new revision of an
/// instance whose live one waits for its confirmation (Exit::guard), unless the request ends that wait.
std::vector<Outcome> apply(const Plan& plan, World& world, const Request& request,
                           const std::function<void(const std::string&)>& progress);

/// The exit code of all outcomes: 0, the error's own when nothing succeeded, Exit::partial when some did.
Exit exit_of(const std::vector<Outcome>& outcomes);

}  // namespace orctl
