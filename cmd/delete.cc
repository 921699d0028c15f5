#include <set>

#include "answer/outcomes.h"
#include "base/text.h"
#include "change/delete_salvaged.h"
#include "change/guards.h"
#include "change/make_plan.h"
#include "change/remains.h"
#include "shared/change.h"

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

/// Says what was done to one that no plan is about.
void tell_cleared(Io& io, const Observed& now) {
  const Cleared what = now.broken ? Cleared::instance : Cleared::remains;
  io.item(cleared_item(now.name, what));
  io.print(cleared_line(now.name, what) + "\n");
}

/// Looks before anybody is asked, and returns of which instances there are only remains.
std::set<std::string> find_remains(const std::set<std::string>& names, const World& world, Io& io) {
  std::set<std::string> remaining;
  const NginxMasters all(world);
  for (const std::string& name : names) {
    const Observed now = look_to_delete(name, world, all);
    if (now.broken) {
      io.warn(now.broken->what(), "deleted by what its live tree says; what is left of its history is kept");
      continue;
    }
    if (has_remains(now, world)) remaining.insert(name);
    // one that was killed in the middle of its creation or delete is brought to the end
    if (!now.interrupted && !remaining.contains(name)) require_existing(now, world);
  }
  return remaining;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("DeleteResult");
  const std::set<std::string> names(o.names.begin(), o.names.end());  // a name given twice is meant once
  const std::vector<std::string> all(names.begin(), names.end());
  const std::set<std::string> remaining = or_tell_stopped(io, all, [&] { return find_remains(names, world, io); });
  if (!o.yes)
    require_yes("Delete " + join(o.names, ", ") + "? It stops serving at once; the history is kept.",
                Error(Exit::guard, "not deleted: nobody said yes", "say --yes"), world);
  Wish wish;
  wish.names = all;
  wish.request = make_request(o.change, world, "delete " + join(o.names, " "));
  wish.request.ends_wait = true;
  wish.request.history = Request::History::passed_over;
  wish.look = look_to_delete;
  bool cleared = false;
  wish.clear = [&, request = wish.request](const Observed& now, World& w) {
    if (!now.broken && (now.exists() || !remaining.contains(now.name))) return false;
    io.changed(true);  // what fails half-way, here or at the next one, takes nothing of it back
    now.broken ? delete_salvaged(now, w, request, remarks(io)) : remove_remains(now.name, w, request, remarks(io));
    tell_cleared(io, now);
    return cleared = true;
  };
  wish.plan = [](const Observed& now, const World& w) -> std::optional<InstancePlan> {
    if (!now.exists()) return std::nullopt;  // a creation that was interrupted has just been taken back
    return make_plan(now, std::nullopt, w);
  };
  const Changed done =
      run_change(std::move(wish), {[](const InstancePlan&) { return std::string("deleted"); }}, world, io);
  if (cleared) io.changed(true);
  return done.exit();
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
