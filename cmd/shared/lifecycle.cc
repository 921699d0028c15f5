#include "shared/lifecycle.h"

#include <fmt/format.h>

#include "change/apply.h"
#include "change/held.h"
#include "host/supervisor.h"
#include "live/live_tree.h"
#include "live/observe.h"
#include "store/history.h"
#include "store/select.h"

namespace orctl {
namespace {

/// Root runs nothing that somebody else could have put into a tree.
void refuse_others_tree(const Observed& now, const World& world) {
  const auto found = distrust_live_tree(now.tree_path, world);
  if (!found) return;
  const bool inside = found->path == now.tree_path || found->path.starts_with(now.tree_path + "/");
  const std::string mend = inside ? "put it back with orctl apply, which shows what differs with orctl diff"
                                  : found->remedy + " (and what is in it, once you have looked at it)";
  throw Error(Exit::refused,
              fmt::format("{}: '{}' {}, who could have changed what the tree runs; nothing was done", now.name,
                          found->path, found->why),
              mend + "; or take the tree as it is with --accept-changes");
}

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

Exit run_lifecycle(const std::string& verb, const std::string& done, std::optional<Supervise::Action> action,
                   const LifecycleOptions& o, World& world, Io& io) {
  io.kind("LifecycleResult");
  if (o.names.empty() && o.labels.empty())
    throw Error(Exit::usage, "say which instances", "name them, or choose them with -l key=value");
  const auto names = select_instances(o.names, o.labels, world, [&](const Error& e) { io.warn(e.what(), e.hint()); });
  if (names.empty()) io.note("No instances found.");
  Request request = make_request(o.change, world, verb);
  request.history = Request::History::passed_over;
  request.accepts_changes = o.accept_changes;
  const Held held(names, world, request, remarks(io));
  Plan plan;
  for (const std::string& name : names) {
    const Observed now = observe_among(name, world);
    if (now.broken && !now.version) throw Error(*now.broken);
    if (now.broken) io.warn(now.broken->what(), now.broken->hint());
    // an edit by hand is told, and is no reason not to start after a reboot: the workers report the digest that
    // nginx.conf carries
    if (action != Supervise::Action::stop && !o.accept_changes) refuse_others_tree(now, world);
    Version version = *now.version;
    if (const std::string carried = carried_digest(version.tree); carried != version.digest && !carried.empty()) {
      io.warn(name + ": its tree was changed by hand", "orctl diff -f MANIFEST shows it, apply puts it back");
      version.digest = carried;
    }
    const bool needs_process = !action || action == Supervise::Action::upgrade;
    if (needs_process && !now.live.running) throw Error(Exit::target, name + " is not running", "orctl start " + name);
    const bool is_in_the_way =
        now.loss && (needs_process ? now.loss->mended_by == Impact::restart
                                   : now.loss->of == Loss::Of::unit && action != Supervise::Action::stop);
    if (is_in_the_way) throw Error(Exit::target, fmt::format("{}: {}", name, now.loss->what), now.loss->hint);
    plan.instances.push_back(plan_lifecycle(name, base_of(now, world), version, now.live, action));
  }
  return report(io, plan, apply(plan, world, request, remarks(io)),
                [&](const InstancePlan& p) { return p.empty() ? "unchanged" : done; });
}

Command lifecycle_command(CommandInfo info, Exit (*run)(const LifecycleOptions&, World&, Io&)) {
  return command<LifecycleOptions>(
      std::move(info),
      [](Flags& f, LifecycleOptions& o) {
        f.positional("INST", o.names, "instances, or patterns such as 'prd_*'");
        f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
        f.add("--accept-changes", o.accept_changes, "run the tree although others than root could have changed it");
        add_change_flags(f, o.change);
      },
      run);
}

}  // namespace orctl
