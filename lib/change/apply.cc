#include "change/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/whose.h"
#include "change/carrier.h"
#include "change/confirm.h"
#include "change/guards.h"
#include "change/leftovers.h"
#include "change/request.h"
#include "change/tidy.h"
#include "manifest/config.h"
#include "render/render.h"

namespace orctl {
namespace {

/// What is left over is told, and hides no outcome.
void tidy_after(const InstancePlan& one, World& world, const Request& request,
                const std::function<void(const std::string&)>& progress) {
  try {
    drop_stale_wait(one.name, world, request, progress);
    const Version& version = one.after ? *one.after : *one.before;
    if (!leftovers(one.name, tree_folder(version.spec), world).empty()) tidy(one.name, world, progress);
  } catch (const Error& e) {
    progress(fmt::format("{}: something is left over, which the next change removes: {}", one.name, e.what()));
  }
}

}  // namespace

std::vector<Outcome> apply(const Plan& plan, World& world, const Request& request,
                           const std::function<void(const std::string&)>& progress) {
  std::vector<Outcome> outcomes;
  if (!request.ends_wait) refuse_unconfirmed(plan, world);
  for (const InstancePlan& one : plan.instances) {
    outcomes.push_back(Carrier(one, {}, world, request, progress).run());
    if (auto& error = outcomes.back().error; error && plan.instances.size() > 1) error = named(*error, one.name);
    tidy_after(one, world, request, progress);
    if (outcomes.back().error) break;
  }
  try {
    close_library(world);  // the first change made the store and the audit log
  } catch (const Error& e) {
    progress(fmt::format("what orctl keeps may be open to others until the next change: {}", e.what()));
  }
  return outcomes;
}

Exit exit_of(const std::vector<Outcome>& outcomes) {
  const auto failed =
      std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.error.has_value(); });
  if (failed == outcomes.end()) return Exit::ok;
  const bool some =
      std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return !o.error && o.changed; });
  return some && failed->error->exit() != Exit::broken ? Exit::partial : failed->error->exit();
}

}  // namespace orctl
