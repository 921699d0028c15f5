#pragma once
#include <string>
#include <variant>

namespace orctl {

/// The steps of a plan, in the order in which they are carried out. What they work on is the plan's `before` and
/// `after`: a plan's own steps go to `after`, and those of undo() (plan/undo.h) to `before`.
struct CheckTree {
  bool operator==(const CheckTree&) const = default;
};  ///< stage `after.tree`, nginx -t, compile its Lua
struct CommitRevision {
  bool operator==(const CommitRevision&) const = default;
};  ///< into the store, durable
struct ArmConfirm {
  bool operator==(const ArmConfirm&) const = default;
};  ///< from here on the revision goes back by itself, unless somebody confirms it in time
struct SwapTree {
  bool in_two = false;  ///< renames, because the file system cannot exchange folders in one step
  bool operator==(const SwapTree&) const = default;
};  ///< exchange the folders, or install, or remove
struct WriteUnit {
  /// What is written back where others could have changed the unit that was there is the store's.
  enum class Of { version, store } of = Of::version;
  bool operator==(const WriteUnit&) const = default;
};
struct PushGateway {
  bool operator==(const PushGateway&) const = default;
};  ///< PUT the document; no reload. Behind a Reload: once the new workers are there
struct PushCertificates {
  bool operator==(const PushCertificates&) const = default;
};  ///< PUT the certificates; no reload
struct Reload {
  bool operator==(const Reload&) const = default;
};
struct Supervise {
  /// upgrade: the binary installed now beside the running one; retire: the old master goes; revert: the new one goes;
  /// end: a stop that waits for no request; enable, disable: at boot
  enum class Action { start, stop, restart, upgrade, retire, enable, disable, end, revert } action = Action::start;
  bool operator==(const Supervise&) const = default;
};
struct Verify {
  bool operator==(const Verify&) const = default;
};  ///< every worker and every listener proves what it serves

// What else undo() and resume() know, and what ends every change.

struct HealSwap {
  bool operator==(const HealSwap&) const = default;
};  ///< finish or undo what was cut off between the renames of a SwapTree
struct RemoveTree {
  bool operator==(const RemoveTree&) const = default;
};  ///< the live one: there was none before
struct RequireTrust {
  bool operator==(const RequireTrust&) const = default;
};  ///< go no further when others could have changed the live tree
struct RenewTree {
  enum class Where { stage, live } where = Where::live;
  bool operator==(const RenewTree&) const = default;
};  ///< look whether others could have changed that tree: then the store's takes its place
struct DropStage {
  bool operator==(const DropStage&) const = default;
};
struct RemoveBelongings {
  enum class Which { made, all } which = Which::all;  ///< made: what CheckTree has found missing and made
  bool operator==(const RemoveBelongings&) const = default;
};  ///< folders and user of an instance that is not to be
struct RemoveInstance {
  bool operator==(const RemoveInstance&) const = default;
};  ///< all that a deleted instance has left; there is no way back
struct MarkApplied {
  bool operator==(const MarkApplied&) const = default;
};  ///< the store calls live what is
struct NoteOutcome {
  enum class Outcome { applied, deleted, rolled_back, interrupted } outcome = Outcome::applied;
  bool operator==(const NoteOutcome&) const = default;
};  ///< of the revision, for people

using Step = std::variant<CheckTree, CommitRevision, ArmConfirm, SwapTree, WriteUnit, PushGateway, PushCertificates,
                          Reload, Supervise, Verify, HealSwap, RemoveTree, RequireTrust, RenewTree, DropStage,
                          RemoveBelongings, RemoveInstance, MarkApplied, NoteOutcome>;
std::string to_string(const Step& step);              ///< "check-tree", "supervise-start", …
std::string to_string(NoteOutcome::Outcome outcome);  ///< as the store's notes have it: "rolled-back"

}  // namespace orctl
