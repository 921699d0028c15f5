#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "change/make_plan.h"
#include "change/promote.h"
#include "cli/show_plan.h"
#include "shared/change.h"
#include "shared/override.h"
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
  f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
  f.add("--dry-run", o.dry_run, "show the plan and the edit, and change nothing").needs_no_reason();
  add_drift_flag(f, o.change);
  add_change_flags(f, o.change);
}

std::vector<std::string> instances_of(const Options& o, const World& world) {
  std::vector<std::string> patterns;
  for (const ServerPath& path : parse_paths(o.paths, PathDepth::instance)) patterns.push_back(path.instance);
  auto names = select_instances(patterns, o.labels, world);
  refuse_unmatched(patterns, o.labels, names);
  return names;
}

/// The promotions of all that is meant; what cannot be asked ends it.
std::vector<Promotion> choose(const Options& o, const World& world) {
  instances_of(o, world);  // refuses what matches nothing
  const auto chosen = choose_overrides(parse_paths(o.paths, PathDepth::instance), o.labels, world);
  if (!chosen.faults.empty()) throw Error(chosen.faults.front());
  return make_promotions(chosen.items, world);
}

/// One on its way, with what it leads to.
struct OnItsWay {
  Promotion promotion;
  Version version;
  std::vector<std::string> remarks;
};
using Promotions = std::map<std::string, OnItsWay>;  ///< by instance

/// `promotions` is filled once the locks are held.
Wish wish_of(const Options& o, Promotions& promotions, const World& world, Io& io) {
  Wish wish;
  wish.first = o.dry_run ? Wish::First::only_look : Wish::First::lock;
  if (!o.dry_run) wish.names = instances_of(o, world);
  wish.request = make_request(o.change, world, "overrides promote " + join(o.paths, " "));
  wish.choose = [&](Wish& w, const World& now) {  // before the locks, each of two masters would tell its own
    w.names.clear();
    for (Promotion& one : choose(o, now)) {
      w.names.push_back(one.instance);
      const std::string name = one.instance;
      promotions[name].promotion = std::move(one);
    }
  };
  wish.look = observe_existing;
  wish.plan = [&](Observed now, const World& w) {
    OnItsWay& one = promotions.at(now.name);
    one.version = promoted_version(now, one.promotion, w, one.remarks);
    return make_plan(std::move(now), one.version, w);
  };
  wish.prepare = [&](World& w) {
    for (const auto& [name, one] : promotions) mark_replaced(w, one.promotion, one.version);
  };
  wish.finish = [&](const InstancePlan& one, World& w) {
    for (const Override& ended : promotions.at(one.name).promotion.overrides) end_override(w, ended.server);
    tell_edit(io, one);
  };
  return wish;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("PromoteResult");
  Promotions promotions;
  Showing showing;
  showing.verb = [](const InstancePlan&) { return std::string("promoted"); };
  showing.show = [&](const Plan& plan) {
    show_changes(io, plan, ShowFiles::no);
    for (const auto& [name, one] : promotions)
      for (const std::string& remark : one.remarks) io.note(remark);
  };
  showing.dry_run = [&](const Plan& plan) {
    for (const InstancePlan& one : plan.instances) tell_edit(io, one);
    io.changed(!promotions.empty());
  };
  const Changed done = run_change(wish_of(o, promotions, world, io), showing, world, io);
  if (promotions.empty()) io.print("unchanged: there are no such overrides\n");
  return done.exit();
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
       "make there is printed. Every server keeps the share of requests that it gets: half of weight 1 becomes 1 "
       "beside "
       "twice the others' weights. drain and maint have no place in a manifest and are refused.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
