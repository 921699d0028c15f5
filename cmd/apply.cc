#include "change/apply.h"

#include <fmt/format.h>

#include "base/text.h"
#include "change/confirm.h"
#include "change/held.h"
#include "change/leftovers.h"
#include "change/make_plan.h"
#include "change/request.h"
#include "cli/show_plan.h"
#include "live/live_tree.h"
#include "live/observe.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "render/render.h"
#include "shared/change.h"
#include "store/lost.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files;
  bool recursive = false, dry_run = false, detailed = false;
  std::string max_impact = "restart";
  Millis confirm_within{0};
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.add("-f,--filename", o.files, "manifest file or folder, or - for standard input").value("FILE").required();
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--dry-run", o.dry_run, "show the plan and change nothing");
  f.add("--max-impact", o.max_impact, "refuse a plan that disturbs more than this")
      .choices({"none", "hot", "reload", "restart"})
      .config("policy.max_impact")
      .skips_guard();
  f.add("--confirm-within", o.confirm_within, "go back unless `orctl confirm` comes in time; 0s: stay without it");
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

/// Where nothing has to be done, no step finds out that others could change what runs.
void warn_distrusted(const Plan& plan, const World& world, Io& io) {
  for (const InstancePlan& one : plan.instances) {
    if (!one.empty() || !one.before) continue;
    if (const auto found = distrust_live_tree(world.layout.tree(tree_folder(one.before->spec)), world))
      io.warn(fmt::format("{}: '{}' {}, who could change what its tree runs", one.name, found->path, found->why),
              found->remedy);
  }
}

constexpr Millis shortest_wait(1000), longest_wait(24 * 3600 * 1000);

Plan plan_for(const Options& o, const std::vector<Loaded>& instances, const World& world) {
  Plan plan = make_plan(instances, world);
  if (o.confirm_within.count() != 0) ask_confirmation(plan);
  guard(plan, o.max_impact);
  return plan;
}

/// What an apply would refuse only when it gets there.
void refuse_lost(const Plan& plan, const World& world) {
  for (const InstancePlan& one : plan.instances)
    if (const auto lost = one.before ? std::nullopt : lost_history(one.name, world))
      throw lost->within("an apply would be refused").as(Exit::conflict);
}

Exit show_only(const Options& o, const Plan& plan, const World& world, Io& io) {
  show_plan(io, plan, ShowFiles::no);
  refuse_lost(plan, world);
  for (const InstancePlan& one : plan.instances) {
    io.print(fmt::format("{} {} (dry run)\n", one.name, verb(one)));
    if (o.confirm_within.count() != 0 && one.makes_revision())
      io.note(fmt::format("{}: {}", one.name, confirm_line(one.name, o.confirm_within)));
  }
  warn_unsettled(io, plan, world);
  warn_distrusted(plan, world, io);
  io.changed(!plan.empty());
  return o.detailed && !plan.empty() ? Exit::changed : Exit::ok;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("ApplyResult");
  if (o.confirm_within.count() != 0 && (o.confirm_within < shortest_wait || o.confirm_within > longest_wait))
    throw Error(Exit::usage, "--confirm-within: " + span_text(o.confirm_within) + " is no time to confirm in",
                "from 1s to 24h, for example --confirm-within 5m");
  const auto instances =
      load_allowed(o.files, o.recursive ? Recurse::yes : Recurse::no, world,
                   [&](const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); });
  Request request = make_request(o.change, world, "apply -f " + o.files.front() + (o.files.size() > 1 ? " …" : ""));
  request.confirm_within = o.confirm_within;
  Plan plan = plan_for(o, instances, world);
  if (o.dry_run) return show_only(o, plan, world, io);
  // first without locks: a second apply that has nothing to do must not write as much as a lock file
  std::vector<std::string> names;
  bool unsettled = false;
  for (const InstancePlan& one : plan.instances) {
    names.push_back(one.name);
    const Observed now = observe(one.name, world);
    unsettled = unsettled || now.unsettled() ||
                !leftovers(one.name, now.version ? tree_folder(now.version->spec) : "", world).empty();
  }
  std::optional<Held> held;
  if (!plan.empty() || unsettled) {
    held.emplace(names, world, request, remarks(io));
    plan = plan_for(o, instances, world);
    refuse_unconfirmed(plan, world);
  }
  show_changes(io, plan, ShowFiles::no);
  warn_distrusted(plan, world, io);
  const Exit exit = report(io, plan, apply(plan, world, request, remarks(io)), verb);
  return exit == Exit::ok && o.detailed && !plan.empty() ? Exit::changed : exit;
}

}  // namespace

Command apply_command() {
  return command<Options>(
      {"apply",
       "make instances what their manifests say, prove it, or put everything back",
       {{"Apply one manifest", "orctl apply -f payment.toml --reason 'two more servers'"},
        {"See the plan first", "orctl apply -f payment.toml --dry-run"},
        {"Go back after five minutes unless `orctl confirm` comes", "orctl apply -f payment.toml --confirm-within 5m"},
        {"Refuse anything that needs a reload", "orctl apply -f manifests/ --max-impact hot"}},
       "The new tree is staged, tested with the instance's own nginx, committed to the store, exchanged with the live "
       "one in one step, and made to serve: upstreams and routes are pushed hot, other changes reload or restart. Then "
       "every worker and every listener must prove that it serves the new version. If one does not, everything is put "
       "back and the exit code is 11.\n\n"
       "With --confirm-within the instance goes back to what was live before when nobody says `orctl confirm` in time, "
       "whatever became of this session, of orctl or of the machine; until then another change is refused (exit 9), "
       "and "
       "`orctl rollback` or `orctl delete` end the wait.\n\nRun twice, the second run says unchanged and does nothing.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
