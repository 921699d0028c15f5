#include "change/lifecycle.h"

#include "change/guards.h"
#include "store/history.h"

namespace orctl {
namespace {

/// The commit that a plan of the process alone is made upon, so far as that can be read.
std::string base_of(const Observed& now, const World& world) {
  if (now.applied) return now.applied->commit;
  try {
    return world.git.ref(applied_ref(now.name)).value_or("");
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
}

}  // namespace

InstancePlan plan_process(const Observed& now, std::optional<Supervise::Action> action, const Request& request,
                          const World& world, const std::function<void(const Error&)>& warn) {
  if (now.broken && !now.version) throw Error(*now.broken);
  if (now.broken) warn(*now.broken);
  if (action != Supervise::Action::stop && !request.accepts_changes) refuse_others_tree(now, world);
  Version version = *now.version;
  // an edit by hand is told, and is no reason not to start after a reboot: the workers report the digest that
  // nginx.conf carries
  if (const std::string carried = carried_digest(version.tree); carried != version.digest && !carried.empty()) {
    warn(Error(Exit::target, now.name + ": its tree was changed by hand",
               "orctl drift " + now.name + " --files shows it, and how to keep it or to take it back"));
    version.digest = carried;
  }
  require_able(now, action);
  return plan_lifecycle(now.name, base_of(now, world), version, now.live, action);
}

}  // namespace orctl
