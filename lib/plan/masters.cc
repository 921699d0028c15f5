#include "plan/masters.h"

#include <algorithm>

namespace orctl {
namespace {

using Action = Supervise::Action;

/// The step that ends an upgrade of which two masters are left, or finds out how to.
MasterStep end_upgrade(const Masters& there) {
  using Newcomer = Masters::Newcomer;
  if (there.newcomer == Newcomer::on_its_way) return AwaitNewMaster{};
  if (there.newcomer == Newcomer::never_came) return Supervise{Action::revert};
  const bool goes = std::any_of(there.all.begin(), there.all.end(),
                                [&](const auto& one) { return one.pid == there.old_master && one.leaving; });
  if (goes) return Supervise{Action::retire};
  const auto asked = there.faults.find(there.current);
  if (asked == there.faults.end()) return ProveMaster{there.current};
  return Supervise{asked->second.empty() ? Action::retire : Action::revert};
}

/// The step that leaves one of several masters, or finds out which.
MasterStep choose(const Masters& there) {
  for (const auto& one : there.all)
    if (one.in_unit) return KeepMaster{one.pid};
  for (const auto& one : there.all) {
    if (one.leaving) continue;
    const auto asked = there.faults.find(one.pid);
    if (asked == there.faults.end()) return ProveMaster{one.pid};
    if (asked->second.empty()) return KeepMaster{one.pid};
  }
  return KeepMaster{there.current};
}

struct Namer {
  std::string operator()(const AwaitNewMaster&) const { return "await-new-master"; }
  std::string operator()(const ProveMaster& s) const { return "prove-master " + std::to_string(s.pid); }
  std::string operator()(const Supervise& s) const { return to_string(Step(s)); }
  std::string operator()(const KeepMaster& s) const { return "keep-master " + std::to_string(s.pid); }
  std::string operator()(const EndOrphans&) const { return "end-orphans"; }
};

}  // namespace

std::string to_string(const MasterStep& step) { return std::visit(Namer{}, step); }

std::optional<MasterStep> next_step(const Masters& there) {
  if (!there.settled && there.old_master != 0) return end_upgrade(there);
  if (!there.settled && there.all.size() > 1) return choose(there);
  if (there.current != 0 && !there.orphans.empty()) return EndOrphans{};
  return std::nullopt;
}

}  // namespace orctl
