#include "change.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files;
  bool recursive = false, dry_run = false, detailed = false;
  std::string max_impact = "restart";
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.add("-f,--filename", o.files, "manifest file or folder, or - for standard input").value("FILE").required();
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--dry-run", o.dry_run, "show the plan and change nothing");
  f.add("--max-impact", o.max_impact, "refuse a plan that disturbs more than this")
      .choices({"none", "hot", "reload", "restart"});
  f.add("--detailed-exitcode", o.detailed, "exit 10 when something changed (0: nothing had to)");
  add_change_flags(f, o.change);
}

/// Starting a new instance disturbs nobody, so only what happens to running ones counts.
void guard(const Plan& plan, const std::string& limit) {
  for (const InstancePlan& one : plan.instances) {
    const Impact impact = one.impact();
    if (!one.before || impact == Impact::start || impact <= Impact::none) continue;
    const Impact most = limit == "none"     ? Impact::none
                        : limit == "hot"    ? Impact::hot
                        : limit == "reload" ? Impact::reload
                                            : Impact::restart;
    if (impact > most)
      throw Error(Exit::guard,
                  fmt::format("{} would need a {}, and --max-impact is {}; nothing was changed", one.name,
                              to_string(impact), limit),
                  fmt::format("look with: orctl diff -f …; allow it with --max-impact {}", to_string(impact)));
  }
}

std::string verb(const InstancePlan& plan) {
  return plan.empty() ? "unchanged" : plan.before ? "configured" : "created";
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("ApplyResult");
  const Layout layout(world.root);
  const auto instances = load_valid(o.files, o.recursive ? Recurse::yes : Recurse::no, world, [&](const Diagnostic& d) {
    d.severity == Severity::error ? io.error(d) : io.warn(d);
  });
  const Request request =
      make_request(o.change, world, "apply -f " + o.files.front() + (o.files.size() > 1 ? " …" : ""));
  if (o.dry_run) {
    const Plan plan = make_plan(instances, world, layout);
    guard(plan, o.max_impact);
    show_plan(io, plan, ShowFiles::no);
    for (const InstancePlan& one : plan.instances) io.print(fmt::format("{} {} (dry run)\n", one.name, verb(one)));
    io.changed(!plan.empty());
    return o.detailed && !plan.empty() ? Exit::changed : Exit::ok;
  }
  // first without locks: a second apply that has nothing to do must not write as much as a lock file
  Plan plan = make_plan(instances, world, layout);
  std::vector<std::string> names;
  bool interrupted_before = false;
  for (const InstancePlan& one : plan.instances) {
    names.push_back(one.name);
    interrupted_before = interrupted_before || observe(one.name, world, layout).interrupted;
  }
  std::optional<Held> held;
  if (!plan.empty() || interrupted_before) {
    guard(plan, o.max_impact);
    held.emplace(names, world, layout, request, remarks(io));
    plan = make_plan(instances, world, layout);
    guard(plan, o.max_impact);
  }
  show_changes(io, plan, ShowFiles::no);
  const Exit exit = report(io, plan, apply(plan, world, layout, request, remarks(io)), verb);
  return exit == Exit::ok && o.detailed && !plan.empty() ? Exit::changed : exit;
}

}  // namespace

Command apply_command() {
  return command<Options>(
      {"apply",
       "make instances what their manifests say, prove it, or put everything back",
       {{"Apply one manifest", "orctl apply -f payment.toml --reason 'two more servers'"},
        {"See the plan first", "orctl apply -f payment.toml --dry-run"},
        {"Refuse anything that needs a reload", "orctl apply -f manifests/ --max-impact hot"}},
       "The new tree is staged, tested with the instance's own nginx, committed to the store, exchanged with the live "
       "one in one step, and made to serve: upstreams and routes are pushed hot, other changes reload or restart. Then "
       "every worker and every listener must prove that it serves the new version. If one does not, everything is put "
       "back and the exit code is 11.\n\nRun twice, the second run says unchanged and does nothing.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
