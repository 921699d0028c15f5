#include "base/text.h"
#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "shared/change.h"
#include "store/history.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files, revisions;
  bool recursive = false, show_files = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.revisions, "instead of -f: an instance, and one or two of its revisions");
  f.add("-f,--filename", o.files, "manifest file or folder to compare with what is live").value("FILE");
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--files", o.show_files, "show the differences of the files too");
}

int revision_number(const std::string& text) {
  const auto n = parse_number(text, 1000000000);
  if (!n)
    throw Error(Exit::usage, "'" + text + "' is no revision number",
                "for example: orctl diff prd_payment_001_8080 3 4");
  return static_cast<int>(*n);
}

/// Two revisions: the ones named; one named and the live one; or the live one and the one applied before it.
Plan compare_revisions(const std::vector<std::string>& args, const World& world) {
  if (args.size() > 3) throw Error(Exit::usage, "at most two revisions can be compared", "orctl diff INST REV REV");
  const std::string& name = args[0];
  const Revision from =
      args.size() > 1 ? find_revision(world, name, revision_number(args[1])) : revision_before_live(world, name);
  const Revision to =
      args.size() > 2 ? find_revision(world, name, revision_number(args[2])) : live_revision(world, name);
  const auto version = [&](const Revision& r) {
    return r.deletes ? std::nullopt : std::optional<Version>(load_to_compare(world, r.commit));
  };
  std::optional<Version> before = version(from), after = version(to);
  Live as_if_running;
  as_if_running.running = true;
  if (after) as_if_running.tree = after->digest;
  InstancePlan plan = plan_instance(name, from.commit, std::move(before), std::move(after), as_if_running, "");
  std::erase_if(plan.changes, [](const Change& c) { return c.key == Key(Whole::process); });
  return {{std::move(plan)}};
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("Plan");
  if (o.files.empty() == o.revisions.empty())
    throw Error(Exit::usage, "say what to compare", "orctl diff -f MANIFEST, or orctl diff INST [REV [REV]]");
  Plan plan;
  if (o.files.empty())
    plan = compare_revisions(o.revisions, world);
  else
    plan =
        make_plan(load_allowed(o.files, o.recursive ? Recurse::yes : Recurse::no, world,
                               [&](const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); }),
                  world);
  if (!o.files.empty()) warn_unsettled(io, plan, world);
  show_plan(io, plan, o.show_files ? ShowFiles::yes : ShowFiles::no);
  return plan.empty() ? Exit::ok : Exit::no;
}

}  // namespace

Command diff_command() {
  return command<Options>({"diff",
                           "show what apply would change, or how two revisions differ",
                           {{"What would apply do, and would it reload?", "orctl diff -f payment.toml"},
                            {"The same with the differences of all files", "orctl diff -f payment.toml --files"},
                            {"What did the last change do?", "orctl diff prd_payment_001_8080"},
                            {"Compare two revisions", "orctl diff prd_payment_001_8080 3 5"}},
                           "Exit code 0 means no difference, 1 means there are some. Each change shows its impact: hot "
                           "(pushed, no reload), reload, restart, start, stop.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
