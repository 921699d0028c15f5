#include <fmt/format.h>

#include "change/apply.h"
#include "change/held.h"
#include "change/make_plan.h"
#include "change/request.h"
#include "cli/show_plan.h"
#include "host/target.h"
#include "live/observe.h"
#include "manifest/host_policy.h"
#include "shared/change.h"
#include "store/history.h"

namespace orctl {
namespace {

struct Options {
  std::string name;
  int to = 0;
  bool dry_run = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.name, "instance").required();
  f.add("--to", o.to, "revision to go back to; absent: the one applied before the live one").value("REV");
  f.add("--dry-run", o.dry_run, "show the plan and change nothing");
  add_change_flags(f, o.change);
}

Version version_of(const Revision& r, const std::string& name, const World& world) {
  if (r.deletes)
    throw Error(Exit::refused,
                fmt::format("revision {} of {} deleted it; there is nothing to go back to", r.number, name),
                "choose another: orctl history " + name);
  std::vector<std::string> missing;
  const Value spec = load_manifest(world, name, r.commit).spec;
  const Tree live = world.fs.read_tree(world.layout.tree(tree_folder(spec)), tree_ownership(spec, world));
  Version version = load_version(world, r.commit, live, &missing);
  if (!missing.empty())
    throw Error(Exit::refused,
                fmt::format("revision {} of {} has the {} '{}', which is not in the live tree any more", r.number, name,
                            missing.front().ends_with(".key") ? "private key" : "file", missing.front()),
                "the store holds no keys, and of certs/ nothing but plain PEM: put the file back into the manifest's "
                "files and apply");
  return version;
}

/// A policy may have become stricter since the revision was applied.
void refuse_by_policy(const Version& version, const Revision& r, const std::string& name, const World& world, Io& io) {
  const Diagnostics found = check_version(version, fmt::format("revision {}", r.number), world);
  for (const Diagnostic& d : found) io.error(d);
  if (!found.empty())
    throw Error(Exit::guard,
                fmt::format("the policy of this host refuses revision {} of {}; nothing was changed", r.number, name),
                "choose another (orctl history " + name + "), or change what the hints above name");
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("RollbackResult");
  const auto choose = [&] {
    return o.to == 0 ? revision_before_live(world, o.name) : find_revision(world, o.name, o.to);
  };
  const auto plan_to = [&](const Revision& r) {
    Version version = version_of(r, o.name, world);
    refuse_by_policy(version, r, o.name, world, io);
    return make_plan(observe(o.name, world), std::move(version), world);
  };
  if (o.dry_run) {
    const Revision to = choose();
    const Plan plan = plan_to(to);
    show_plan(io, plan, ShowFiles::no);
    io.print(fmt::format("{} would go back to revision {} (dry run)\n", o.name, to.number));
    io.changed(!plan.empty());
    return Exit::ok;
  }
  Request request = make_request(o.change, world, "rollback " + o.name);
  request.ends_wait = true;
  if (revisions(world, o.name, 1).empty()) choose();  // says that it is unknown
  const Held held({o.name}, world, request, remarks(io));
  const Revision to = choose();  // only now: an apply that was killed has been finished
  if (request.note.reason.empty()) request.note.reason = fmt::format("roll back to revision {}", to.number);
  request.note.command += fmt::format(" --to {}", to.number);
  const Plan plan = plan_to(to);
  show_changes(io, plan, ShowFiles::no);
  return report(io, plan, apply(plan, world, request, remarks(io)), [&](const InstancePlan& p) {
    return p.empty() ? fmt::format("unchanged: it is what revision {} says", to.number)
                     : fmt::format("rolled back to revision {}", to.number);
  });
}

}  // namespace

Command rollback_command() {
  return command<Options>(
      {"rollback",
       "go back to an earlier revision, byte for byte",
       {{"Undo the last change", "orctl rollback prd_payment_001_8080 --reason 'errors since noon'"},
        {"Go back to a revision", "orctl rollback prd_payment_001_8080 --to 3"}},
       "The tree, the gateway's Lua and the unit become what they were; the way back is a new revision, proved like "
       "any other. A deleted instance comes back too.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
