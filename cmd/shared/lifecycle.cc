#include "shared/lifecycle.h"

#include "change/lifecycle.h"
#include "store/select.h"

namespace orctl {

Exit run_lifecycle(const std::string& verb, const std::string& done, std::optional<Supervise::Action> action,
                   const LifecycleOptions& o, World& world, Io& io) {
  io.kind("LifecycleResult");
  if (o.names.empty() && o.labels.empty())
    throw Error(Exit::usage, "say which instances", "name them, or choose them with -l key=value");
  const auto tell = [&](const Error& e) { warn(io, e); };
  Wish wish;
  wish.names = or_tell_stopped(io, o.names, [&] {
    auto names = select_instances(o.names, o.labels, world, tell);
    refuse_unmatched(o.names, o.labels, names);
    return names;
  });
  wish.request = make_request(o.change, world, verb);
  wish.request.history = Request::History::passed_over;
  wish.request.accepts_changes = o.accept_changes;
  wish.look = observe_among;
  wish.plan = [&, request = wish.request](const Observed& now, const World& w) {
    return plan_process(now, action, request, w, tell);
  };
  const auto word = [&](const InstancePlan& p) { return p.empty() ? "unchanged" : done; };
  return run_change(std::move(wish), {word}, world, io).exit();
}

Command lifecycle_command(CommandInfo info, Exit (*run)(const LifecycleOptions&, World&, Io&)) {
  return command<LifecycleOptions>(
      std::move(info),
      [](Flags& f, LifecycleOptions& o) {
        f.positional("INST", o.names, "instances, or patterns such as 'prd_*'");
        f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
            .value("SELECTOR");
        f.add("--accept-changes", o.accept_changes, "run the tree although others than root could have changed it");
        add_change_flags(f, o.change);
      },
      run);
}

}  // namespace orctl
