// Of Carrier (carrier.h): how each step is carried out.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "change/carrier.h"
#include "change/confirm.h"
#include "change/swap.h"
#include "gateway/gateway.h"
#include "host/check_tree.h"
#include "host/own_place.h"
#include "host/target.h"
#include "live/farewell.h"
#include "live/live_tree.h"
#include "live/object_files.h"
#include "live/served_document.h"
#include "model/certificates.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

using Action = Supervise::Action;

/// Whether a new process or new workers have been begun, which are not there yet.
bool has_renewed_workers(const Traces& there) {
  return is_done(there, Reload{}) || is_done(there, Supervise{Action::start}) ||
         is_done(there, Supervise{Action::restart});
}

}  // namespace

Target Carrier::target_of(const Version& version) const { return find_target(version.spec, world_); }

Ownership Carrier::ownership() const { return tree_ownership(shape().spec, world_); }

/// Throws before the step has begun: then nothing of it is to be put back.
void Carrier::require_ready(const Step& step) {
  const auto* process = std::get_if<Supervise>(&step);
  if (process == nullptr) return;
  if (process->action == Action::start || process->action == Action::restart)
    target_of(goal());  // what may not be started is not stopped
  if (process->action == Action::upgrade)
    supervisor_.require_same_binary(world_, supervisor_.master(world_), target_of(goal()).binary);
}

void Carrier::carry(const CheckTree&) {
  const bool process = plan_.has_process();
  if (process) {
    require_named_files(plan_.after->spec, world_);
    prepared_ = supervisor_.prepare(world_, target_of(*plan_.after), plan_.after->spec);
    settle_secrets(world_, plan_.after->spec);
  }
  world_.fs.remove(stage_);
  world_.fs.make_folders(stage_.substr(0, stage_.rfind('/')));
  world_.fs.write_tree(stage_, plan_.after->tree, ownership());
  if (!process) return check_object_files(world_, plan_.after->spec, stage_, request_.verify_limit);
  const auto news = plan_.before ? news_for_gateway(plan_.name, *plan_.before, *plan_.after, world_) : std::nullopt;
  check_staged_tree(world_, plan_.after->spec, stage_, plan_.after->tree, target_of(*plan_.after), news);
}

void Carrier::carry(const CommitRevision&) {
  const FileLock lock = world_.git.lock(request_.lock_wait);
  const std::string parent = world_.git.ref(branch_of(plan_.name)).value_or("");
  RevisionNote note = request_.note;
  note.plan = plan_digest(plan_);
  note.audit = audit_head(world_);
  there_.commit = commit_version(world_, plan_.name, parent, plan_.after, note);
  outcome_.revision = revisions(world_, plan_.name, 1).front().number;
}

void Carrier::carry(const ArmConfirm&) {
  const Tree before = plan_.before ? plan_.before->tree : Tree{};
  Unconfirmed wait;
  wait.name = plan_.name;
  wait.commit = there_.commit;
  wait.base = plan_.base;
  wait.revision = outcome_.revision;
  wait.within = request_.confirm_within;
  wait.author = request_.note.author;
  outcome_.confirm_within = wait.within;
  arm_confirm(wait, before, request_, world_);
}

void Carrier::carry(const SwapTree&) {
  const bool there = world_.fs.exists(tree_);  // somebody may have removed it by hand
  const bool installs = way_ == Way::back ? plan_.before.has_value() : plan_.after.has_value();
  if (installs && there)
    swap();
  else if (installs)
    world_.fs.rename(stage_, tree_);
  else if (there)
    world_.fs.rename(tree_, stage_);
}

void Carrier::swap() {
  swap_trees(world_, folder_, [&](const std::string& text) { progress_(plan_.name + ": " + text); });
}

void Carrier::carry(const HealSwap&) { heal_swap(world_, folder_); }

void Carrier::carry(const RemoveTree&) { world_.fs.remove(tree_); }

void Carrier::carry(const DropStage&) {
  if (!outcome_.changed) return world_.fs.remove(stage_);
  tell("the old tree is left", [&] { world_.fs.remove(stage_); });
}

void Carrier::carry(const WriteUnit& step) {
  if (way_ == Way::back) {
    const std::string unit = !plan_.before                     ? ""
                             : step.of == WriteUnit::Of::store ? load_manifest(world_, plan_.base)->unit
                                                               : plan_.before->unit;
    return supervisor_.write_unit(world_, unit, Supervisor::AtBoot::keep);
  }
  there_.unit_of_others = world_.env.is_root() && distrust(world_.layout.unit(plan_.name));
  supervisor_.write_unit(world_, plan_.after ? plan_.after->unit : "",
                         plan_.before ? Supervisor::AtBoot::keep : Supervisor::AtBoot::start);
}

void Carrier::carry(const PushGateway&) {
  // the workers from before the reload take a document for the new ones, but only once these have begun
  if (has_renewed_workers(there_)) await_tree(world_, plan_.name, goal(), evidence_, request_.verify_limit);
  try {
    put_document(world_, world_.layout.admin_socket(plan_.name), goal().document());
  } catch (const Error& e) {
    rivalled_ = e.exit() == Exit::conflict;
    if (rivalled_ && !is_done(there_, PushCertificates{})) there_.at.reset();  // what somebody else has put stays
    throw;
  }
}

void Carrier::carry(const PushCertificates&) {
  put_certificates(world_, world_.layout.admin_socket(plan_.name), certificates_body(goal().tree));
}

void Carrier::carry(const Reload&) {
  // a folder that somebody removed would make nginx refuse it
  if (way_ != Way::back && world_.supervision == Supervision::process)
    supervisor_.prepare(world_, target_of(goal()), goal().spec);
  const int master = supervisor_.master(world_);
  say_farewell(world_, plan_.name, master, Beside::nobody);
  evidence_.before(world_, master, Evidence::Signal::reload);
  supervisor_.reload(world_);
}

void Carrier::carry(const Supervise& step) {
  switch (step.action) {
    case Action::start:
      return start();
    case Action::restart:
      return restart();
    case Action::stop:
      say_farewell(world_, plan_.name, supervisor_.master(world_), Beside::nobody);
      return supervisor_.stop(world_, drain_time(shape().spec));
    case Action::end:
      return supervisor_.stop(world_, Millis(0));
    case Action::enable:
      return supervisor_.enable(world_);
    case Action::disable:
      return supervisor_.disable(world_);
    case Action::upgrade:
      return upgrade();
    case Action::retire:
      return retire();
    case Action::revert:
      return supervisor_.revert(world_, old_master_);
  }
}

/// What prepare() makes may have been taken away by hand.
void Carrier::start() {
  supervisor_.prepare(world_, target_of(goal()), goal().spec);
  settle_secrets(world_, goal().spec);
  supervisor_.start(world_, target_of(goal()));
}

void Carrier::restart() {
  // what orctl itself had started here, before systemd was to: its unit has yet to be enabled
  const bool adopted = supervisor_.is_from_before_systemd(world_);
  say_farewell(world_, plan_.name, supervisor_.master(world_), Beside::nobody);
  supervisor_.stop(world_, drain_time(shape().spec));
  start();
  if (adopted) supervisor_.enable(world_);
}

/// Once begun it is ended: an undo takes the new master for the one that stays.
void Carrier::retire() {
  const Uninterrupted shield;
  say_farewell(world_, plan_.name, old_master_, Beside::successor);
  supervisor_.retire(world_, old_master_, drain_time(shape().spec));
}

void Carrier::upgrade() {
  old_master_ = supervisor_.master(world_);
  evidence_.before(world_, old_master_, Evidence::Signal::upgrade);
  supervisor_.upgrade(world_);
}

void Carrier::carry(const Verify&) {
  if (!plan_.has_process()) return prove_object(world_, goal(), request_.verify_limit);
  const bool replaces =
      way_ == Way::there && std::find(plan_.steps.begin(), plan_.steps.end(), Step(PushGateway{})) != plan_.steps.end();
  const Proof proof = verify(world_, plan_.name, goal(), evidence_, request_.verify_limit,
                             replaces ? Saved::is_replaced : Saved::may_be_served);
  if (way_ == Way::back) return;
  outcome_.proof = proof;
  if (request_.watch_log.count() == 0) return;
  // what a new configuration does wrong shows when traffic comes: after a first start there is none yet
  const bool anew = is_done(there_, Supervise{Action::upgrade}) || (has_renewed_workers(there_) && there_.was_running);
  watch_workers(world_, plan_.name, evidence_, proof, anew ? request_.watch_log : Millis(0));
  // clients and servers write into it, so it undoes nothing
  if (const std::string cry = evidence_.cry(world_); !cry.empty())
    progress_(fmt::format("{}: error.log says since, which undoes nothing: {}", plan_.name, cry));
}

void Carrier::carry(const RequireTrust&) {
  if (const auto found = distrust_live_tree(tree_, world_))
    throw Error(Exit::refused, fmt::format("'{}' {}, who could have changed it", found->path, found->why));
}

/// What others could have changed goes live no more, and nothing runs it.
void Carrier::carry(const RenewTree& step) {
  if (!plan_.before || request_.accepts_changes) return;
  const std::string& folder = step.where == RenewTree::Where::stage ? stage_ : tree_;
  auto found = distrust_live_tree(folder, world_);
  if (!found) return;
  progress_(fmt::format("{}: '{}' {}, who could have changed what was live: the store's tree takes its place",
                        plan_.name, found->path, found->why));
  std::vector<std::string> missing;
  Version kept = load_version(world_, plan_.base, plan_.before->tree, &missing);
  if (!missing.empty())
    throw Error(Exit::target,
                fmt::format("the store holds no copy of '{}', which others could have changed", missing[0]));
  const bool live = folder == tree_ && world_.fs.exists(tree_);
  world_.fs.remove(stage_);
  world_.fs.write_tree(stage_, kept.tree, tree_ownership(kept.spec, world_));
  if (live) swap();
  kept.unit = plan_.before->unit;
  renewed_ = std::move(kept);
  if ((found = distrust_live_tree(folder, world_)))
    throw Error(Exit::refused, fmt::format("'{}' {}, who could change what its tree runs", found->path, found->why),
                found->remedy);
}

void Carrier::carry(const RemoveBelongings& step) {
  if (step.which == RemoveBelongings::Which::all)
    supervisor_.remove(world_, supervisor_.belongings(world_, shape().spec));
  else if (prepared_)
    supervisor_.remove(world_, *prepared_);
}

/// A deleted instance leaves no file: its tree is on the stage by now, and folders that only a layout made go, too.
void Carrier::carry(const RemoveInstance&) {
  world_.fs.remove(stage_);
  supervisor_.remove(world_, supervisor_.belongings(world_, shape().spec));
  for (std::string up = tree_.substr(0, tree_.rfind('/')); up.size() > world_.layout.trees().size();
       up.resize(up.rfind('/'))) {
    if (!world_.fs.exists(up) || !world_.fs.list(up).empty()) return;
    world_.fs.remove(up);
  }
}

void Carrier::carry(const MarkApplied&) {
  const std::string& live = way_ == Way::back ? plan_.base : plan_.after ? there_.commit : "";
  const FileLock lock = world_.git.lock(request_.lock_wait);
  if (live.empty())
    world_.git.remove_ref(applied_ref(plan_.name));
  else
    world_.git.set_ref(applied_ref(plan_.name), live);
}

void Carrier::carry(const NoteOutcome& step) {
  const std::string cause = step.outcome == NoteOutcome::Outcome::interrupted ? "killed before it went live" : cause_;
  const Millis span = way_ == Way::back ? took() : outcome_.took;
  const auto note = [&] {
    const FileLock lock = world_.git.lock(request_.lock_wait);
    note_outcome(world_, there_.commit, to_string(step.outcome), cause, span);
  };
  if (outcome_.changed || way_ == Way::back) return tell("the outcome could not be noted", note);
  note();
}

}  // namespace orctl
