#include "plan/step.h"

namespace orctl {
namespace {

std::string name_of(Supervise::Action action) {
  using Action = Supervise::Action;
  switch (action) {
    case Action::start:
      return "start";
    case Action::stop:
      return "stop";
    case Action::restart:
      return "restart";
    case Action::upgrade:
      return "upgrade";
    case Action::retire:
      return "retire";
    case Action::enable:
      return "enable";
    case Action::disable:
      return "disable";
    case Action::end:
      return "end";
    case Action::revert:
      return "revert";
  }
  return "";
}

struct Namer {
  std::string operator()(const CheckTree&) const { return "check-tree"; }
  std::string operator()(const CommitRevision&) const { return "commit-revision"; }
  std::string operator()(const ArmConfirm&) const { return "arm-confirm"; }
  std::string operator()(const SwapTree& s) const { return s.in_two ? "swap-tree-in-two" : "swap-tree"; }
  std::string operator()(const WriteUnit& s) const {
    return s.of == WriteUnit::Of::store ? "write-unit-of-store" : "write-unit";
  }
  std::string operator()(const PushGateway&) const { return "push-gateway"; }
  std::string operator()(const PushCertificates&) const { return "push-certificates"; }
  std::string operator()(const Reload&) const { return "reload"; }
  std::string operator()(const Supervise& s) const { return "supervise-" + name_of(s.action); }
  std::string operator()(const Verify&) const { return "verify"; }
  std::string operator()(const HealSwap&) const { return "heal-swap"; }
  std::string operator()(const RemoveTree&) const { return "remove-tree"; }
  std::string operator()(const RequireTrust&) const { return "require-trust"; }
  std::string operator()(const RenewTree& s) const {
    return s.where == RenewTree::Where::stage ? "renew-stage" : "renew-tree";
  }
  std::string operator()(const DropStage&) const { return "drop-stage"; }
  std::string operator()(const RemoveBelongings& s) const {
    return s.which == RemoveBelongings::Which::made ? "remove-made" : "remove-belongings";
  }
  std::string operator()(const RemoveInstance&) const { return "remove-instance"; }
  std::string operator()(const MarkApplied&) const { return "mark-applied"; }
  std::string operator()(const NoteOutcome& s) const { return "note-" + to_string(s.outcome); }
};

}  // namespace

std::string to_string(const Step& step) { return std::visit(Namer{}, step); }

std::string to_string(NoteOutcome::Outcome outcome) {
  using Outcome = NoteOutcome::Outcome;
  switch (outcome) {
    case Outcome::applied:
      return "applied";
    case Outcome::deleted:
      return "deleted";
    case Outcome::rolled_back:
      return "rolled-back";
    case Outcome::interrupted:
      return "interrupted";
  }
  return "";
}

}  // namespace orctl
