#include "answer/drift.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "change/adopt.h"
#include "change/make_plan.h"
#include "cli/show_answer.h"
#include "cli/show_plan.h"
#include "plan/drift.h"
#include "shared/change.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  Choice choice;
  bool show_files = false, adopt = false, dry_run = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.choice.names, "instances, objects as KIND/NAME, or patterns such as 'prd_*'; none: all");
  f.add("-l,--selector", o.choice.labels, "choose by label").value("KEY=VALUE");
  f.add("--files", o.show_files, "show the differences of the files too");
  f.add("--adopt", o.adopt, "make a revision of what was edited on the host").asks_reason();
  f.add("--dry-run", o.dry_run, "with --adopt: show the plan and change nothing").needs_no_reason();
  add_change_flags(f, o.change);
}

Exit show(const Options& o, const World& world, Io& io) {
  if (o.dry_run) throw Error(Exit::usage, "--dry-run is of --adopt", "orctl drift INST --adopt --reason TEXT");
  io.kind(drift_noun().kind);
  DriftAnswer found = list_drift(o.choice, o.show_files ? WithFiles::yes : WithFiles::no, world);
  const Exit exit = show_answer(io, drift_noun(), std::move(found.answer));
  for (const InstancePlan& one : found.files)
    show_files(io, one, io.json() ? ShowFiles::no : ShowFiles::yes, OwnLua::shown);
  return found.differs ? Exit::no : exit;
}

/// What the user is to take into his own files.
void tell_adopted(Io& io, const InstancePlan& plan, const Adoption& adopted) {
  if (adopted.edits_manifest) tell_edit(io, plan);
  if (adopted.files.empty()) return;
  const Value* folder = plan.after->spec.find("files");
  io.print(fmt::format(
      "Your manifest's files are not touched. Make {} in {} what the tree has, or the next apply takes "
      "that back.\n",
      join(adopted.files, ", "), folder == nullptr ? "a folder that its field `files` names" : folder->as_string()));
}

Exit adopt(const Options& o, World& world, Io& io) {
  io.kind("AdoptResult");
  if (o.choice.names.empty() && o.choice.labels.empty())
    throw Error(Exit::usage, "say whose edits become a revision", "orctl drift INST --adopt --reason TEXT");
  std::map<std::string, Adoption> adopted;
  Wish wish;
  wish.first = o.dry_run ? Wish::First::only_look : Wish::First::lock;
  wish.names = select_instances(o.choice.names, o.choice.labels, world);
  wish.request = make_request(o.change, world, "drift --adopt " + join(o.choice.names, " "));
  wish.look = observe_existing;
  wish.plan = [&](Observed now, const World& w) {
    auto made = adopt_edits(now, w);
    if (!made) return InstancePlan{now.name, now.applied->commit, now.version, now.version, {}, {}};
    const Adoption& one = adopted[now.name] = std::move(*made);
    InstancePlan plan = make_plan(std::move(now), one.version, w);
    forget_flattened(plan);
    return plan;
  };
  wish.finish = [&](const InstancePlan& one, World&) {
    if (const auto made = adopted.find(one.name); made != adopted.end()) tell_adopted(io, one, made->second);
  };
  Showing showing;
  showing.verb = [](const InstancePlan& p) {
    return std::string(p.empty() ? "unchanged: nothing was edited on the host" : "adopted");
  };
  showing.show = [&](const Plan& p) {
    o.dry_run ? show_plan(io, p, ShowFiles::no) : show_changes(io, p, ShowFiles::no);
  };
  showing.dry_run = [&](const Plan& plan) {
    for (const InstancePlan& one : plan.instances)
      io.print(fmt::format("{} {} (dry run)\n", one.name, showing.verb(one)));
    for (const InstancePlan& one : plan.instances)
      if (const auto made = adopted.find(one.name); made != adopted.end()) tell_adopted(io, one, made->second);
    io.changed(!plan.empty());
  };
  return run_change(std::move(wish), showing, world, io).exit();
}

Exit run(const Options& o, World& world, Io& io) { return o.adopt ? adopt(o, world, io) : show(o, world, io); }

}  // namespace

Command drift_command() {
  return command<Options>(
      {"drift",
       "say where the store, the host's files and what runs differ, and who is ahead",
       {{"All instances of the host", "orctl drift"},
        {"One, with the differences of its files", "orctl drift prd_payment_001_8080 --files"},
        {"Keep what was edited on the host as a revision", "orctl drift prd_payment_001_8080 --adopt --reason hotfix"},
        {"See first what that would do", "orctl drift prd_payment_001_8080 --adopt --dry-run"}},
       "Compares the revision that the store calls live with the tree and the unit on the host, file by file, and "
       "those "
       "with what runs, worker by worker. One line a difference says its state, who has what the others do not (the "
       "disk, what runs, or the store), and the command that mends it:\n\n"
       "edited, foreign-file, tree-gone, rights, unit: somebody changed files on the host. hot-change: the workers "
       "serve "
       "what was put on the admin socket and is in no revision. reload-never-took, worker-behind: workers serve "
       "something older than what lies there. store-moved: the store's branch, or what it calls live, leads elsewhere. "
       "interrupted: a change is under way or was killed. process: not one whole nginx runs. unknown: it could not be "
       "asked.\n\n"
       "Overrides are no difference, and neither is an instance that was stopped. Exit code 1 when something "
       "differs.\n\n"
       "--adopt makes a revision of edited files of http.d/, streams.d/, lua/ and certs/, and of what a manifest's "
       "upstreams and routes can say of an edited gateway.json, or of a document that was put on the admin socket. "
       "What "
       "no manifest gives is refused (exit 9). Until then `apply`, `rollback` and `overrides promote` refuse to take "
       "the "
       "edit away without --overwrite-drift.",
       {"table", "json"}},
      flags, run);
}

}  // namespace orctl
