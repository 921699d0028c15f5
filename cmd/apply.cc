#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "answer/at_stake.h"
#include "base/text.h"
#include "base/whose.h"
#include "change/guards.h"
#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "shared/change.h"
#include "shared/plan_file.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> files, at_revision;
  std::string plan_file;
  bool recursive = false, dry_run = false, detailed = false;
  std::string max_impact = "restart";
  Millis confirm_within{0};
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("PLAN", o.plan_file, "instead of -f: a file that `orctl plan --out` wrote");
  f.add("-f,--filename", o.files, "manifest file or folder, or - for standard input").value("FILE");
  f.add("-R,--recursive", o.recursive, "look into the folders of a folder too");
  f.add("--dry-run", o.dry_run, "show the plan and change nothing").needs_no_reason();
  f.add("--max-impact", o.max_impact, "refuse a plan that disturbs more than this")
      .choices({"none", "hot", "reload", "restart"})
      .config("policy.max_impact")
      .skips_guard();
  f.add("--if-revision", o.at_revision, "refuse (exit 7) unless this revision of the instance is live; 0: none is")
      .value("INST=N");
  f.add("--confirm-within", o.confirm_within, "go back unless `orctl confirm` comes in time; 0s: stay without it");
  f.add("--detailed-exitcode", o.detailed, "exit 10 when something changed (0: nothing had to)");
  add_drift_flag(f, o.change);
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
    if (o.dry_run) return show_plan(io, plan, ShowFiles::no, at_stake(plan, world));
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

/// Live revisions that the user counts on, by name.
std::map<std::string, int> wanted_revisions(const Options& o) {
  std::map<std::string, int> out;
  for (const std::string& one : o.at_revision) {
    const size_t equals = one.rfind('=');
    const auto number = equals == std::string::npos ? std::nullopt : parse_number(one.substr(equals + 1), 1000000000);
    if (!number || equals == 0)
      throw Error(Exit::usage, "--if-revision: '" + one + "' is no INST=N",
                  "for example --if-revision prd_payment_001_8080=7");
    out[one.substr(0, equals)] = static_cast<int>(*number);
  }
  return out;
}

/// What an apply holds each plan against before it may be carried out.
struct Conditions {
  std::optional<PlanFile> file;
  std::map<std::string, int> revisions;

  void require(const InstancePlan& plan, const std::optional<Revision>& live) const {
    const int number = live ? live->number : 0;
    const auto wanted = revisions.find(plan.name);
    if (wanted != revisions.end() && wanted->second != number)
      throw Error(
          Exit::conflict,
          fmt::format("{}: {} is live, not revision {}", plan.name,
                      live ? fmt::format("revision {} by {}", number, live->author) : "no revision", wanted->second),
          "see what it changed: orctl history " + plan.name);
    if (file) require_recorded(*file, plan, number);
  }
};

/// The conditions, and where the manifests are.
Conditions conditions_of(const Options& o, PlanSource& source, const World& world) {
  if (o.files.empty() == o.plan_file.empty())
    throw Error(Exit::usage, "say what to apply", "orctl apply -f MANIFEST, or orctl apply PLAN");
  Conditions all{std::nullopt, wanted_revisions(o)};
  source = {o.files, o.recursive};
  if (o.plan_file.empty()) return all;
  all.file = read_plan_of_this_host(o.plan_file, world);
  source = {all.file->manifests, all.file->recursive};
  return all;
}

void require_all(const Conditions& conditions, const std::vector<std::string>& names) {
  if (conditions.file) require_names(*conditions.file, names);
  for (const auto& [name, number] : conditions.revisions)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(Exit::usage, "--if-revision: the manifests have no '" + name + "'",
                  names.empty() ? "" : "they have " + join(names, ", "));
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("ApplyResult");
  check_wait(o.confirm_within);
  PlanSource source;
  const Conditions conditions = conditions_of(o, source, world);
  const auto manifests =
      load_allowed(source.files, source.recursive ? Recurse::yes : Recurse::no, world,
                   [&](const Diagnostic& d) { d.severity == Severity::error ? io.error(d) : io.warn(d); });
  require_all(conditions, names_of(manifests));
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
  wish.request = make_request(
      o.change, world,
      "apply " + (o.plan_file.empty() ? "-f " + o.files.front() + (o.files.size() > 1 ? " …" : "") : o.plan_file));
  wish.request.confirm_within = o.confirm_within;
  wish.most = most_of(o.max_impact);
  wish.plan = [&](Observed now, const World& w) {
    const Version& wanted = desired.at(now.name);
    const std::optional<Revision> live = now.applied;
    InstancePlan plan = make_plan(std::move(now), wanted, w);
    conditions.require(plan, live);
    return plan;
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
        {"Carry out exactly what was reviewed", "orctl apply plan.json"},
        {"Refuse anything that needs a reload", "orctl apply -f manifests/ --max-impact hot"}},
       "The new tree is staged, tested with the instance's own nginx, committed to the store, exchanged with the live "
       "one in one step, and made to serve: upstreams and routes are pushed hot, other changes reload or restart. Then "
       "every worker and every listener must prove that it serves the new version. If one does not, everything is put "
       "back and the exit code is 11.\n\n"
       "With --confirm-within the instance goes back to what was live before when nobody says `orctl confirm` in time, "
       "whatever became of this session, of orctl or of the machine; until then another change is refused (exit 9), "
       "and "
       "`orctl rollback` or `orctl delete` end the wait.\n\nA file of `orctl plan --out` is carried out as it was "
       "reviewed, or refused (exit 7) when anything that it was made from has moved.\n\nRun twice, the second run says "
       "unchanged and does nothing.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
