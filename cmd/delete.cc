#include <set>

#include "base/text.h"
#include "change/apply.h"
#include "change/confirm.h"
#include "change/delete_salvaged.h"
#include "change/held.h"
#include "change/leftovers.h"
#include "change/make_plan.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "live/observe.h"
#include "live/salvage.h"
#include "model/name.h"
#include "shared/change.h"
#include "store/audit.h"
#include "store/lost.h"

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

/// What is left of an instance that is not there: of a first apply that was killed before it made a revision, or of a
/// delete. Not where a tree or a unit says that it is there for another store.
bool has_remains(const Observed& now, const World& world) {
  const std::string tree = world.layout.tree(now.name);
  if (!check_name(now.name).name || now.exists() || now.interrupted) return false;
  for (const std::string& later : {tree, world.layout.unit(now.name)})  // the store is elsewhere
    if (world.fs.exists(later)) return false;
  // the check of a tree leaves an empty one
  if (const auto pid = world.fs.stat(world.layout.pid(now.name)); pid && pid->size != 0) return false;
  return !Supervisor(world.layout, now.name, tree).remains(world).empty() ||
         !leftovers(now.name, now.name, world).empty() || world.fs.exists(world.layout.confirm(now.name));
}

void remove_remains(const std::string& name, World& world) {
  const Supervisor supervisor(world.layout, name, world.layout.tree(name));
  supervisor.remove(world, supervisor.remains(world));
  end_wait(name, world);
  remove_leftovers(name, name, world);
}

/// observe(), and what can be known of one whose history cannot be read.
Observed look_at(const std::string& name, const World& world) {
  world.git.exists();  // of a store that is another's, or none, nothing is said about this instance
  try {
    Observed now = observe(name, world);
    const auto lost = now.exists() || now.interrupted ? std::nullopt : lost_history(name, world);
    return lost ? salvage(name, *lost, world) : now;
  } catch (const Error& e) {
    stop_if_interrupted();
    return salvage(name, e, world);
  }
}

/// Says of one that nothing of a plan is about what was done.
void tell_deleted(Io& io, const std::string& name, const std::string& result, const std::string& line) {
  io.item(Value(Value::Object{{"name", name}, {"result", result}, {"changed", true}}));
  io.print(name + line + "\n");
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("DeleteResult");
  const std::set<std::string> names(o.names.begin(), o.names.end());  // a name given twice is meant once
  std::set<std::string> remaining;
  for (const std::string& name : names) {
    const Observed now = look_at(name, world);
    if (now.broken) {
      io.warn(now.broken->what(), "deleted by what its live tree says; what is left of its history is kept");
      continue;
    }
    if (has_remains(now, world)) remaining.insert(name);
    // one that was killed in the middle of its creation or delete is brought to the end
    if (!now.interrupted && !remaining.contains(name)) observe_existing(name, world);
  }
  if (!o.yes &&
      !world.env.confirm("Delete " + join(o.names, ", ") + "? It stops serving at once; the history is kept. [y/N] "))
    throw Error(Exit::guard, "not deleted: nobody said yes", "say --yes");
  Request request = make_request(o.change, world, "delete " + join(o.names, " "));
  request.ends_wait = true;
  request.history = Request::History::passed_over;
  const Held held(o.names, world, request, remarks(io));
  Plan plan;
  bool tidied = false;
  for (const std::string& name : names) {
    const Observed now = look_at(name, world);
    if (now.broken) {
      delete_salvaged(now, world, request, remarks(io));
      tidied = true;
      tell_deleted(io, name, "deleted", " deleted");
      continue;
    }
    if (remaining.contains(name) && !now.exists()) {
      remove_remains(name, world);
      tidied = true;
      Value what = Value::object();
      what.set("outcome", "tidied");
      write_audit(world, name, request.note, what, remarks(io));
      tell_deleted(io, name, "tidied", ": what an interrupted apply left is removed");
    }
    if (!now.exists()) continue;  // a creation that was interrupted has just been taken back
    plan.instances.push_back(make_plan(now, std::nullopt, world).instances.front());
  }
  const auto outcomes = apply(plan, world, request, remarks(io));
  const Exit exit = report(io, plan, outcomes, [](const InstancePlan&) { return std::string("deleted"); });
  if (tidied) io.changed(true);
  return exit;
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
