#include "plan/undo.h"

namespace orctl {
namespace {

using Action = Supervise::Action;
using Holds = Traces::Holds;

bool is_killed(const Traces& there) { return there.begun == Traces::Begun::by_killed; }

bool has_written_unit(const Traces& there) { return is_killed(there) || has_begun<WriteUnit>(there); }

/// Whether two masters are left of an upgrade: once the old one is told to go there is no way back.
bool has_old_master(const Traces& there) {
  const Step upgrade = Supervise{Action::upgrade};
  const bool came = is_done(there, upgrade) || (there.at == upgrade && there.upgrading);
  return came && !has_begun(there, Supervise{Action::retire});
}

/// A stop that was begun is brought to its end: a master that drains takes no signal back. And a master that was
/// started anew may be another binary.
bool needs_end(const Traces& there) {
  return there.at == Step(Supervise{Action::stop}) || has_begun(there, Supervise{Action::start}) ||
         has_begun(there, Supervise{Action::restart});
}

/// Whether the process may not be what it was. A reload of the tree that was there, refused before the signal, has
/// changed nothing.
bool is_disturbed(const Traces& there) {
  return is_killed(there) || needs_end(there) || is_done(there, Supervise{Action::stop}) || is_done(there, Reload{}) ||
         (there.at == Step(Reload{}) && may_have_swapped(there));
}

bool has_pushed(const Traces& there) { return has_begun<PushGateway>(there) || has_begun<PushCertificates>(there); }

void add_tree(std::vector<Step>& steps, const InstancePlan& plan, const Traces& there) {
  if (there.aside) steps.push_back(HealSwap{});
  if (plan.before && plan.after) {
    if (there.live == Holds::before) return;                  // the exchange had not happened
    if (!there.staged) return steps.push_back(RemoveTree{});  // it was missing before
    steps.insert(steps.end(), {RenewTree{RenewTree::Where::stage}, SwapTree{}});
  } else if (plan.after) {
    steps.push_back(RemoveTree{});
  } else if (there.staged && there.live == Holds::nothing) {
    steps.insert(steps.end(), {RenewTree{RenewTree::Where::stage}, SwapTree{}});
  }
}

void add_process(std::vector<Step>& steps, const InstancePlan& plan, const Traces& there) {
  if (has_old_master(there)) steps.push_back(Supervise{Action::revert});
  const bool disturbed = is_disturbed(there);
  if (!disturbed && !has_pushed(there)) return;
  // of an instance that is not to be, no process is left
  const bool end = needs_end(there) || there.unreachable || (!plan.before && there.running);
  if (end) steps.push_back(Supervise{Action::end});
  if (!plan.before || !there.was_running) return;
  if (end || !there.running)
    steps.insert(steps.end(), {RenewTree{RenewTree::Where::live}, Supervise{Action::start}});
  else if (disturbed && may_have_swapped(there))  // harmless when the reload that failed was never taken up
    steps.insert(steps.end(), {RenewTree{RenewTree::Where::live}, Reload{}});
  if (!disturbed && !end && there.running) {
    if (has_begun<PushGateway>(there)) steps.push_back(PushGateway{});
    if (has_begun<PushCertificates>(there)) steps.push_back(PushCertificates{});
  }
  steps.push_back(Verify{});
}

}  // namespace

bool has_effects(const Traces& there) {
  return may_have_swapped(there) || has_written_unit(there) || is_disturbed(there) || has_old_master(there) ||
         has_pushed(there) || !there.commit.empty();
}

bool is_beyond_return(const InstancePlan& plan, const Traces& there) {
  const bool lost = is_killed(there) && there.live == Holds::nothing && !there.staged;
  const bool removed = plan.has_process() ? has_begun<RemoveInstance>(there) : has_begun<DropStage>(there);
  return !plan.after && (removed || lost);
}

std::vector<Step> undo(const InstancePlan& plan, const Traces& there) {
  std::vector<Step> steps;
  const bool process = plan.has_process(), unit_too = process && has_written_unit(there);
  if (!has_effects(there)) {
    if (has_begun<CheckTree>(there)) steps.push_back(DropStage{});
    if (has_begun<CheckTree>(there) && process) steps.push_back(RemoveBelongings{RemoveBelongings::Which::made});
    return steps;
  }
  if (may_have_swapped(there)) add_tree(steps, plan, there);
  // a unit whose process must end is needed until it has
  const WriteUnit unit{there.unit_of_others ? WriteUnit::Of::store : WriteUnit::Of::version};
  if (unit_too && plan.before) steps.push_back(unit);
  if (process) add_process(steps, plan, there);
  if (unit_too && !plan.before) steps.push_back(WriteUnit{});
  steps.push_back(DropStage{});
  // under systemd the first run of nginx made its folders
  if (!plan.before && process) steps.push_back(RemoveBelongings{});
  // a fault after the ref had moved (of an fsync, say) must not leave the store calling live what was put back
  if (!there.commit.empty() && there.applied != plan.base) steps.push_back(MarkApplied{});
  if (!there.commit.empty()) steps.push_back(NoteOutcome{NoteOutcome::Outcome::rolled_back});
  return steps;
}

}  // namespace orctl
