#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "base/whose.h"
#include "change/guards.h"
#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "shared/change.h"
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
  f.add("--dry-run", o.dry_run, "show the plan and change nothing").needs_no_reason();
  f.add("--max-impact", o.max_impact, "refuse a plan that disturbs more than this")
      .choices({"none", "hot", "reload", "restart"})
      .config("policy.max_impact")
      .skips_guard();
  f.add("--confirm-within", o.confirm_within, "go back unless `orctl confirm` comes in time; 0s: stay without it");
  f.add("--detailed-exitcode", o.detailed, "exit 10 when something changed (0: nothing had to)");
  add_change_flags(f, o.change);
}

Impact most_of(const std::string& limit) {
  for (const Impact one : {Impact::none, Impact::hot, Impact::reload})
    if (limit == to_string(one)) return one;
  return Impact::restart;
}

std::string verb(const InstancePlan& plan) {
  return plan.empty() ? "unchanged" : plan.before ? "configured" : "created";
}

constexpr Millis shortest_wait(1000), longest_wait(24 * 3600 * 1000);

void check_wait(Millis within) {
  if (within.count() != 0 && (within < shortest_wait || within > longest_wait))
    throw Error(Exit::usage, "--confirm-within: " + span_text(within) + " is no time to confirm in",
                "from 1s to 24h, for example --confirm-within 5m");
}

void tell_dry_run(const Options& o, const Plan& plan, const World& world, Io& io) {
  for (const InstancePlan& one : plan.instances) {
    io.print(fmt::format("{} {} (dry run)\n", one.name, verb(one)));
    if (o.confirm_within.count() != 0 && one.makes_revision())
      io.note(fmt::format("{}: {}", one.name, confirm_line(one.name, o.confirm_within)));
  }
  warn_unsettled(io, plan, world);
  for (const Error& one : warnings_of_trust(plan, world)) warn(io, one);
  io.changed(!plan.empty());
}

Showing showing_of(const Options& o, const World& world, Io& io) {
  Showing showing{verb};
  showing.show = [&](const Plan& plan) {
    if (o.dry_run) return show_plan(io, plan, ShowFiles::no);
    show_changes(io, plan, ShowFiles::no);
    for (const Error& one : warnings_of_trust(plan, world)) warn(io, one);
  };
  showing.dry_run = [&](const Plan& plan) { tell_dry_run(o, plan, world, io); };
  return showing;
}

std::vector<std::string> names_of(const Manifests& manifests) {
  std::vector<std::string> names;
  for (const Object& one : manifests.objects) names.push_back(id_of(one.spec));
  for (const Loaded& one : manifests.instances) names.push_back(one.instance.name.str());
  return names;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("ApplyResult");
  check_wait(o.confirm_within);
  const auto manifests =
      load_allowed(o.files, o.recursive ? Recurse::yes : Recurse::no, world,
                   [&](const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); });
  std::map<std::string, Version> desired;
  Wish wish;
  wish.first = o.dry_run ? Wish::First::only_look : Wish::First::look;
  const bool many = manifests.instances.size() + manifests.objects.size() > 1;
  const auto want = [&](const std::string& name, const auto& one) {
    wish.names.push_back(name);
    desired[name] = about(many ? name : "", [&] { return desired_version(one, world); });
  };
  or_tell_stopped(io, names_of(manifests), [&] {
    for (const Object& one : manifests.objects) want(id_of(one.spec), one);
    for (const Loaded& one : manifests.instances) want(one.instance.name.str(), one);
  });
  wish.request = make_request(o.change, world, "apply -f " + o.files.front() + (o.files.size() > 1 ? " …" : ""));
  wish.request.confirm_within = o.confirm_within;
  wish.most = most_of(o.max_impact);
  wish.plan = [&](Observed now, const World& w) {
    const Version& wanted = desired.at(now.name);
    return make_plan(std::move(now), wanted, w);
  };
  const Changed done = run_change(std::move(wish), showing_of(o, world, io), world, io);
  const Exit exit = done.exit();
  return exit == Exit::ok && o.detailed && !done.plan.empty() ? Exit::changed : exit;
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
