#include <set>

#include "base/text.h"
#include "change.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
  bool yes = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances to delete").required();
  f.add("-y,--yes", o.yes, "do not ask");
  add_change_flags(f, o.change);
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("DeleteResult");
  const Layout layout(world.root);
  const std::set<std::string> names(o.names.begin(), o.names.end());  // a name given twice is meant once
  for (const std::string& name : names)  // one that was killed in the middle of its delete is brought to the end
    if (!observe(name, world, layout).interrupted) observe_existing(name, world, layout);
  if (!o.yes &&
      !world.env.confirm("Delete " + join(o.names, ", ") + "? It stops serving at once; the history is kept. [y/N] "))
    throw Error(Exit::guard, "not deleted: nobody said yes", "say --yes");
  Request request = make_request(o.change, world, "delete " + join(o.names, " "));
  request.ends_wait = true;
  const Held held(o.names, world, layout, request, remarks(io));
  Plan plan;
  for (const std::string& name : names) {
    const Observed now = observe(name, world, layout);
    if (!now.exists()) continue;  // a creation that was interrupted has just been taken back
    plan.instances.push_back(make_plan(now, std::nullopt, world, layout).instances.front());
  }
  return report(io, plan, apply(plan, world, layout, request, remarks(io)),
                [](const InstancePlan&) { return std::string("deleted"); });
}

}  // namespace

Command delete_command() {
  return command<Options>(
      {"delete",
       "stop an instance and remove every file of it; the history is kept",
       {{"Delete an instance", "orctl delete prd_payment_001_8080 --yes --reason 'moved to another host'"},
        {"Bring it back", "orctl rollback prd_payment_001_8080"}},
       "Asks on a terminal, and needs --yes elsewhere. No process, file or unit is left.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
