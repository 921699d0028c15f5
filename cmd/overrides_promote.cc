#include "base/whose.h"
#include "change.h"
#include "change/apply.h"
#include "change/confirm.h"
#include "change/held.h"
#include "change/make_plan.h"
#include "change/promote.h"
#include "change/request.h"
#include "live/observe.h"
#include "model/masked.h"
#include "override.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> paths, labels;
  bool dry_run = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST[/UP[/SERVER]]", o.paths, "whose overrides, or patterns").required();
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
  f.add("--dry-run", o.dry_run, "show the plan and the edit, and change nothing");
  add_change_flags(f, o.change);
}

/// What the user is to do to his own manifest, which nobody touches.
void tell_edit(Io& io, const InstancePlan& plan) {
  const Version &before = *plan.before, &after = *plan.after;
  const std::string was = masked_manifest({before.manifest_name, before.manifest});
  const std::string is = masked_manifest({after.manifest_name, after.manifest});
  const std::string edit = Git::text_diff(after.manifest_name, &was, &is);
  io.diff({"manifest of " + plan.name, was, "manifest of " + plan.name, is});
  if (before.manifest_name == after.manifest_name)
    io.print(
        fmt::format("Your manifest is not touched. Make this edit in it, or the next apply takes it back:\n{}", edit));
  else
    io.print(
        fmt::format("Your manifest is not touched. The store has it as JSON now, as its text could not be edited. "
                    "Make these changes in yours, or the next apply takes them back: see the plan above.\n"));
}

std::vector<std::string> instances_of(const Options& o, const World& world) {
  std::vector<std::string> patterns;
  for (const ServerPath& path : parse_paths(o.paths, PathDepth::instance)) patterns.push_back(path.instance);
  return select_instances(patterns, o.labels, world);
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("PromoteResult");
  const auto choose = [&] {
    const auto chosen = choose_overrides(parse_paths(o.paths, PathDepth::instance), o.labels, world);
    if (!chosen.faults.empty()) throw Error(chosen.faults.front());
    return make_promotions(chosen.items, world);
  };
  const Request request = make_request(o.change, world, "overrides promote " + join(o.paths, " "));
  std::optional<Held> held;  // before the look: of two masters each would tell its own
  if (!o.dry_run) held.emplace(instances_of(o, world), world, request, remarks(io));
  const auto promotions = choose();
  if (promotions.empty()) {
    io.print("unchanged: there are no such overrides\n");
    return Exit::ok;
  }
  Plan plan;
  for (const Promotion& p : promotions) {
    about(promotions.size() > 1 ? p.instance : "", [&] {
      const Observed now = observe_existing(p.instance, world);
      plan.instances.push_back(make_plan(now, promoted_version(now, p, world), world).instances.front());
    });
  }
  show_changes(io, plan, ShowFiles::no);
  if (o.dry_run) {
    for (const InstancePlan& one : plan.instances) tell_edit(io, one);
    io.changed(true);
    return Exit::ok;
  }
  refuse_unconfirmed(plan, world);
  for (const Promotion& p : promotions) settle_weights(world, p);
  const auto outcomes = apply(plan, world, request, remarks(io));
  const Exit exit = report(io, plan, outcomes, [](const InstancePlan&) { return std::string("promoted"); });
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error) break;
    for (const Override& one : promotions[i].overrides) end_override(world, one.server);
    tell_edit(io, plan.instances[i]);
  }
  return exit;
}

}  // namespace

Command overrides_promote_command() {
  return command<Options>(
      {"overrides promote",
       "write overrides into the next revision",
       {{"Keep a weight that went well",
         "orctl overrides promote prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'canary went well'"},
        {"See first what would be done", "orctl overrides promote prd_pay_001_8080 --dry-run"}},
       "Weights, added and removed servers go into the manifest that the store keeps: a new revision, made, proved and "
       "kept in the history as apply does it. Then the overrides end. Your own manifest is not touched; the edit to "
       "make there is printed. drain and maint have no place in a manifest and are refused.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
