#include "plan/resume.h"

#include "model/certificates.h"

namespace orctl {
namespace {

using Action = Supervise::Action;
using Holds = Traces::Holds;
using Outcome = NoteOutcome::Outcome;

/// Whether only a new process can be what `after` says.
bool needs_other_process(const InstancePlan& plan) {
  if (!plan.before) return false;
  InstancePlan fields;
  fields.changes = diff_specs(plan.before->spec, plan.after->spec);
  return fields.impact() == Impact::restart;
}

void add_process(std::vector<Step>& steps, const InstancePlan& plan, const Traces& there) {
  if (!there.running) return steps.push_back(Supervise{Action::start});
  if (there.unreachable || needs_other_process(plan)) return steps.push_back(Supervise{Action::restart});
  const bool hot = plan.before && plan.before->digest == plan.after->digest;
  if (!hot) return steps.push_back(Reload{});
  steps.push_back(PushGateway{});
  if (certificates_digest(plan.before->tree) != certificates_digest(plan.after->tree))
    steps.push_back(PushCertificates{});
}

std::vector<Step> settle(const Traces& there) {
  std::vector<Step> steps;
  if (there.aside) steps.push_back(HealSwap{});
  if (there.staged) steps.push_back(DropStage{});
  if (there.outcome.empty()) steps.push_back(NoteOutcome{there.applied.empty() ? Outcome::deleted : Outcome::applied});
  return steps;
}

std::vector<Step> forget(const InstancePlan& plan, const Traces& there) {
  std::vector<Step> steps;
  if (there.aside) steps.push_back(HealSwap{});
  if (plan.before && there.live == Holds::nothing && there.staged) steps.push_back(SwapTree{});
  steps.insert(steps.end(), {DropStage{}, NoteOutcome{Outcome::interrupted}});
  // a tree that somebody has changed meanwhile may serve: what belongs to it stays
  if (!plan.before && there.live == Holds::nothing && plan.has_process()) steps.push_back(RemoveBelongings{});
  return steps;
}

std::vector<Step> finish(const InstancePlan& plan, const Traces& there) {
  std::vector<Step> steps;
  if (there.aside) steps.push_back(HealSwap{});
  if (plan.has_process()) steps.push_back(WriteUnit{});
  if (!plan.after) {
    if (plan.has_process()) steps.push_back(Supervise{Action::stop});
    if (there.live != Holds::nothing) steps.push_back(SwapTree{});
    return steps;
  }
  steps.push_back(RequireTrust{});
  if (plan.has_process()) add_process(steps, plan, there);
  steps.push_back(Verify{});
  return steps;
}

}  // namespace

bool is_settled(const Traces& there) {
  return !there.outcome.empty() || there.commit == there.applied || (there.applied.empty() && there.deletes);
}

Fate fate(const InstancePlan& plan, const Traces& there) {
  if (is_settled(there)) return Fate::settled;
  if (!plan.after) return Fate::finished;
  // where only spec or unit differ, no tree tells whether it had gone on
  const bool same_tree = plan.before && plan.before->tree == plan.after->tree;
  return there.live == (same_tree ? Holds::before : Holds::after) ? Fate::finished : Fate::forgotten;
}

std::vector<Step> resume(const InstancePlan& plan, const Traces& there) {
  switch (fate(plan, there)) {
    case Fate::settled:
      return settle(there);
    case Fate::forgotten:
      return forget(plan, there);
    case Fate::finished:
      return finish(plan, there);
  }
  return {};
}

std::vector<Step> closing(const InstancePlan& plan, const Traces& there) {
  std::vector<Step> steps;
  if (!plan.after) steps.push_back(plan.has_process() ? Step(RemoveInstance{}) : Step(DropStage{}));
  if (!there.commit.empty()) steps.push_back(MarkApplied{});
  return steps;
}

std::vector<Step> sweeping(const InstancePlan& plan, const Traces& there) {
  std::vector<Step> steps = {DropStage{}};
  if (!there.commit.empty()) steps.push_back(NoteOutcome{plan.after ? Outcome::applied : Outcome::deleted});
  return steps;
}

}  // namespace orctl
