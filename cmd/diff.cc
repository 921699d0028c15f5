#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "manifest/git_revision.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "shared/change.h"
#include "store/history.h"
#include "store/revision_name.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files, revisions;
  std::string from;
  bool recursive = false, show_files = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.revisions,
               std::string("instead of -f: an instance, and one or two of its revisions, each ") + revision_words);
  f.add("-f,--filename", o.files, "manifest file or folder to compare with what is live").value("FILE");
  f.add("--from", o.from, "compare with these manifests instead, without a host: a file, a folder, or git:REV:PATH")
      .value("OLD");
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--files", o.show_files, "show the differences of the files too");
}

/// Two revisions: the ones named; one named and the live one; or the live one and the one applied before it.
Plan compare_revisions(const std::string& name, const std::vector<std::string>& args, const World& world) {
  if (args.size() > 3) throw Error(Exit::usage, "at most two revisions can be compared", "orctl diff INST REV REV");
  const Revision from = args.size() > 1 ? find_revision(world, name, args[1]) : revision_before_live(world, name);
  const Revision to = args.size() > 2 ? find_revision(world, name, args[2]) : live_revision(world, name);
  const auto version = [&](const Revision& r) {
    return r.deletes ? std::nullopt : std::optional<Version>(load_to_compare(world, r.commit));
  };
  return {{compare(name, from.commit, version(from), version(to))}};
}

void tell(Io& io, const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); }

/// Two sets of manifests, without a host. Warnings of what was before are not told: they ask nobody to do anything.
Plan compare_manifests(const Options& o, World& world, Io& io) {
  if (o.files.size() != 1) throw Error(Exit::usage, "--from is compared with one -f", "name a folder, or one file");
  const Recurse recurse = o.recursive ? Recurse::yes : Recurse::no;
  const auto load_side = [&](const std::string& place, Severity least) {
    return valid_ones(load_from(place, recurse, world), [&](const Diagnostic& d) {
      if (d.severity == Severity::error || least == Severity::warning) tell(io, d);
    });
  };
  const Manifests before = load_side(o.from, Severity::error);
  return plan_between(before, load_side(o.files.front(), Severity::warning), world);
}

/// What apply would do on this host.
Plan compare_with_live(const Options& o, const World& world, Io& io) {
  Plan plan = make_plan(
      load_allowed(o.files, o.recursive ? Recurse::yes : Recurse::no, world, [&](const Diagnostic& d) { tell(io, d); }),
      world);
  warn_unsettled(io, plan, world);
  return plan;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("Plan");
  if (o.files.empty() == o.revisions.empty() || (o.files.empty() && !o.from.empty()))
    throw Error(Exit::usage, "say what to compare",
                "orctl diff -f MANIFEST [--from MANIFEST], or orctl diff INST [REV [REV]]");
  const auto name = o.revisions.empty() ? std::nullopt : one_instance(o.revisions.front(), world);
  if (!o.revisions.empty() && !name) {
    io.note("No instance matches '" + o.revisions.front() + "'.");
    return Exit::ok;
  }
  const Plan plan = o.files.empty()  ? compare_revisions(*name, o.revisions, world)
                    : o.from.empty() ? compare_with_live(o, world, io)
                                     : compare_manifests(o, world, io);
  const bool live = !o.files.empty() && o.from.empty();
  show_plan(io, plan, o.show_files ? ShowFiles::yes : ShowFiles::no, live ? at_stake(plan, world) : AtStake{});
  return plan.empty() ? Exit::ok : Exit::no;
}

}  // namespace

Command diff_command() {
  return command<Options>(
      {"diff",
       "show what apply would change, or how two revisions differ",
       {{"What would apply do, and would it reload?", "orctl diff -f payment.toml"},
        {"The same with the differences of all files", "orctl diff -f payment.toml --files"},
        {"What does a branch change? No host is needed", "orctl diff --from git:origin/main:manifests/ -f manifests/"},
        {"What did the last change do?", "orctl diff prd_payment_001_8080"},
        {"Compare two revisions", "orctl diff prd_payment_001_8080 3 5"},
        {"What has changed since a day, file by file?", "orctl diff prd_payment_001_8080 2026-11-30 live --files"}},
       "Exit code 0 means no difference, 1 means there are some. Each change shows its impact: hot "
       "(pushed, no reload), reload, restart, start, stop.\n\n"
       "With --from two sets of manifests are compared as on a host with OpenResty that serves the "
       "first. In git:REV:PATH, REV and PATH are read by git, in the repository around the current "
       "folder.",
       {"text", "json", "markdown"}},
      flags, run);
}

}  // namespace orctl
