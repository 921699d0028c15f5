#include "answer/at_stake.h"
#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "manifest/host_policy.h"
#include "plan/recorded.h"
#include "shared/change.h"
#include "shared/plan_file.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string out;
  bool recursive = false, no_files = false, detailed = false;
};

void flags(Flags& f, Options& o) {
  f.add("-f,--filename", o.files, "manifest file or folder").value("FILE").required();
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--out", o.out, "write the plan into this file, for `orctl apply FILE`").value("FILE");
  f.add("--no-files", o.no_files, "leave out the differences of the files");
  f.add("--detailed-exitcode", o.detailed, "exit 10 when something is to be changed (0: nothing is)");
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("Plan");
  const PlanSource source{o.files, o.recursive};
  if (!o.out.empty()) refuse_standard_input(source);
  const Plan plan =
      make_plan(load_allowed(o.files, o.recursive ? Recurse::yes : Recurse::no, world,
                             [&](const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); }),
                world);
  warn_unsettled(io, plan, world);
  show_plan(io, plan, o.no_files ? ShowFiles::no : ShowFiles::yes, at_stake(plan, world));
  if (plan.empty()) io.note("nothing is to be changed");
  if (!o.out.empty()) {
    write_plan_file(o.out, record(plan, source, world), world);
    io.note("written to " + o.out + "; carry it out with: orctl apply " + o.out);
  }
  io.changed(false);
  return o.detailed && !plan.empty() ? Exit::changed : Exit::ok;
}

}  // namespace

Command plan_command() {
  return command<Options>(
      {"plan",
       "show what apply would do, and write it down to be reviewed",
       {{"See it with the differences of all files", "orctl plan -f payment.toml"},
        {"Write it down, review it, carry out exactly that", "orctl plan -f payment.toml --out plan.json"},
        {"For the comment of a review", "orctl plan -f manifests/ --no-files -o markdown"}},
       "Nothing is changed but the file that --out names. `orctl apply plan.json` does exactly what the plan says, on "
       "the "
       "host where it was made, or refuses (exit 7) and says what has moved: another revision went live, a manifest or "
       "a "
       "file beside it changed, somebody edited the host, or what runs is another.\n\nThe file holds no secrets: the "
       "manifests are read again, from where they lay.",
       {"text", "json", "markdown"}},
      flags, run);
}

}  // namespace orctl
