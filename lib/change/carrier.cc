#include "change/carrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "change/confirm.h"
#include "change/request.h"
#include "change/store_repair.h"
#include "change/swap.h"
#include "gateway/gateway.h"
#include "host/check_tree.h"
#include "host/own_place.h"
#include "host/reload_pace.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/evidence.h"
#include "live/live_tree.h"
#include "model/certificates.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

constexpr Millis long_ago(24 * 3600 * 1000);

template <class Kind>
bool has(const InstancePlan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [](const Step& step) { return std::holds_alternative<Kind>(step); });
}

}  // namespace

Carrier::Carrier(const InstancePlan& plan, World& world, const Request& request,
                 const std::function<void(const std::string&)>& progress)
    : plan_(plan),
      world_(world),
      request_(request),
      progress_(progress),
      tree_(world.layout.tree(tree_folder(shape().spec))),
      stage_(world.layout.stage(tree_folder(shape().spec))),
      supervisor_(world.layout, plan.name, tree_),
      clock_(Deadline::in(long_ago)) {
  outcome_.name = plan.name;
  outcome_.impact = plan.impact();
}

Millis Carrier::took() const { return long_ago - clock_.left(); }

Target Carrier::target_of(const Version& version) const {
  Instance instance;
  instance.name = known_name(plan_.name);
  instance.spec = version.spec;
  return find_target(instance, world_);
}

Outcome Carrier::run() {
  if (plan_.empty()) return outcome_;
  try {
    refuse_stale();
    refuse_others_place();
    const int master = supervisor_.master(world_);
    was_running_ = master != 0;
    if (!plan_.before && was_running_)
      throw Error(Exit::conflict,
                  fmt::format("an nginx of {} runs (pid {}), but the store knows nothing of it", plan_.name, master),
                  way_to_adopt("end that nginx first: kill -QUIT " + std::to_string(master)));
    supervisor_.clear_way(world_);
    require_runnable(plan_, tree_, world_);
    if (was_running_ && has<Reload>(plan_)) await_turn(master);
    evidence_ = Evidence(ErrorLog::from_now(world_, plan_.name));
    for (const Step& step : plan_.steps) {
      if (interrupted() != 0) throw Error(Exit::target, "interrupted");
      std::visit([this](const auto& s) { carry(s); }, step);
    }
    if (outcome_.confirm_within.count() != 0) restart_count(plan_.name, world_);
    settle();
  } catch (const Error& cause) {
    outcome_.took = took();
    if (beyond_return_) {
      outcome_.error = Error(cause.exit(), fmt::format("{} is stopped and half removed: {}", plan_.name, cause.what()),
                             "run the same command again: it goes on from there");
      return outcome_;
    }
    try {
      const Uninterrupted shield;  // what was begun is put back whole
      put_back(cause);
    } catch (const Error& e) {
      outcome_.error = e;
    }
  }
  return outcome_;
}

void Carrier::await_turn(int master) {
  reload_done_ = !has<SwapTree>(plan_) && was_reloaded_since(world_, master, request_.begun);
  if (reload_done_) return;
  const Millis limit = std::max(drain_time(plan_.before->spec), request_.lock_wait);
  await_reload_turn(world_, plan_.name, master, limit, progress_);
}

/// What is applied by the store's word; a change of the process alone goes without it where it cannot be read.
std::string Carrier::applied_now() const {
  try {
    return world_.git.exists() ? world_.git.ref(applied_ref(plan_.name)).value_or("") : "";
  } catch (const Error&) {
    stop_if_interrupted();
    if (request_.history == Request::History::needed) throw;
    return plan_.base;
  }
}

/// What to do about a tree or a process that the store knows nothing of; `otherwise` where nothing says whose it is.
std::string Carrier::way_to_adopt(const std::string& otherwise) const {
  const bool own = !find_own_tree(plan_.name, world_).empty();
  return "put the store back where it was, or " +
         (own ? "make a history from what runs: " + mend_lost_history(plan_.name) : otherwise);
}

void Carrier::refuse_stale() const {
  const std::string applied = applied_now();
  const Tree on_disk = world_.fs.read_tree(tree_, ownership());
  const bool same_tree = plan_.before ? on_disk == plan_.before->tree : on_disk.empty();
  if (applied == plan_.base && same_tree) return;
  if (!plan_.before && applied.empty())
    throw Error(Exit::conflict, fmt::format("'{}' holds a tree that the store knows nothing of", tree_),
                way_to_adopt("move that folder away"));
  throw Error(Exit::conflict, plan_.name + " has changed since this plan was made", "make the plan again");
}

/// What nobody can move out of its place is not stopped for it.
void Carrier::refuse_others_place() const {
  if (plan_.after || !world_.env.is_root()) return;
  if (const auto found = distrust(tree_.substr(0, tree_.rfind('/'))))
    throw Error(Exit::refused,
                fmt::format("{}: '{}' {}, who could change what is removed there; nothing was done", plan_.name,
                            found->path, found->why),
                found->remedy);
}

void Carrier::carry(const CheckTree&) {
  require_named_files(plan_.after->spec, world_);
  try {
    prepared_ = supervisor_.prepare(world_, target_of(*plan_.after), plan_.after->spec);
    settle_secrets(world_, plan_.after->spec);
    world_.fs.remove(stage_);
    const std::string parent = stage_.substr(0, stage_.rfind('/'));
    world_.fs.make_folders(parent);
    world_.fs.write_tree(stage_, plan_.after->tree, ownership());
    check_staged_tree(world_, plan_.after->spec, stage_, plan_.after->tree, plan_.before ? plan_.before->tree : Tree{},
                      target_of(*plan_.after));
  } catch (const Error&) {
    world_.fs.remove(stage_);
    throw;
  }
}

void Carrier::carry(const CommitRevision&) {
  const FileLock lock = world_.git.lock(request_.lock_wait);
  const std::string parent = world_.git.ref(branch_of(plan_.name)).value_or("");
  commit_ = commit_version(world_, plan_.name, parent, plan_.after, request_.note);
  outcome_.revision = revisions(world_, plan_.name, 1).front().number;
}

void Carrier::carry(const ArmConfirm&) {
  const Tree before = plan_.before ? plan_.before->tree : Tree{};
  Unconfirmed wait;
  wait.name = plan_.name;
  wait.commit = commit_;
  wait.base = plan_.base;
  wait.revision = outcome_.revision;
  wait.within = request_.confirm_within;
  wait.author = request_.note.author;
  outcome_.confirm_within = wait.within;
  arm_confirm(wait, before, request_, world_);
}

void Carrier::carry(const SwapTree&) {
  // set first: after a failure in the middle, put_back() looks at what is there
  swapped_ = true;
  const bool there = world_.fs.exists(tree_);  // somebody may have removed it by hand
  if (plan_.after && there)
    swap();
  else if (plan_.after)
    world_.fs.rename(stage_, tree_);
  else if (there)
    world_.fs.rename(tree_, stage_);
}

void Carrier::swap() {
  swap_trees(world_, tree_folder(shape().spec), [&](const std::string& text) { progress_(plan_.name + ": " + text); });
}

void Carrier::carry(const WriteUnit&) {
  unit_of_others_ = world_.env.is_root() && distrust(world_.layout.unit(plan_.name));
  unit_written_ = true;
  supervisor_.write_unit(world_, plan_.after ? plan_.after->unit : "",
                         plan_.before ? Supervisor::AtBoot::keep : Supervisor::AtBoot::start);
}

void Carrier::carry(const PushGateway&) {
  pushed_ = true;
  // the workers from before the reload take a document for the new ones, but only once these have begun
  if (reloaded_ || restarted_) await_tree(world_, plan_.name, *plan_.after, evidence_, request_.verify_limit);
  put_document(world_, world_.layout.admin_socket(plan_.name), plan_.after->document());
}

void Carrier::carry(const PushCertificates&) {
  pushed_certificates_ = true;
  put_certificates(world_, world_.layout.admin_socket(plan_.name), certificates_body(plan_.after->tree));
}

void Carrier::carry(const Reload&) {
  if (reload_done_) return progress_(plan_.name + " was reloaded meanwhile by somebody else: one reload does for both");
  disturbed_ = swapped_;  // a reload of the tree that was there, refused before the signal, has changed nothing
  // a folder that somebody removed would make nginx refuse it
  if (world_.supervision == Supervision::process) supervisor_.prepare(world_, target_of(shape()), shape().spec);
  evidence_.before(world_, supervisor_.master(world_), Evidence::Signal::reload);
  supervisor_.reload(world_);
  disturbed_ = reloaded_ = true;
}

void Carrier::carry(const Supervise& step) {
  using Action = Supervise::Action;
  if (step.action == Action::enable) return supervisor_.enable(world_);
  if (step.action == Action::disable) return supervisor_.disable(world_);
  if (step.action == Action::retire)
    return supervisor_.retire(world_, std::exchange(old_master_, 0), drain_time(shape().spec));
  if (step.action == Action::upgrade) {
    const int before = supervisor_.master(world_);
    supervisor_.require_same_binary(world_, before, target_of(shape()).binary);
    evidence_.before(world_, before, Evidence::Signal::upgrade);
    try {
      old_master_ = supervisor_.upgrade(world_);
    } catch (const Error&) {
      if (supervisor_.upgrading(world_) != 0) old_master_ = before;  // the new one may yet come
      throw;
    }
    return;
  }
  // what orctl itself had started here, before systemd was to: its unit has yet to be enabled
  const bool adopted = supervisor_.is_from_before_systemd(world_);
  if (step.action != Action::stop) target_of(shape());  // what may not be started is not stopped
  disturbed_ = true;
  stopping_ = step.action != Supervise::Action::start;
  if (stopping_) supervisor_.stop(world_, drain_time(shape().spec));
  stopping_ = false;
  if (step.action == Supervise::Action::stop) return;
  restarted_ = true;
  start(shape());
  if (adopted) supervisor_.enable(world_);
}

/// What prepare() makes may have been taken away by hand.
void Carrier::start(const Version& version) {
  supervisor_.prepare(world_, target_of(version), version.spec);
  settle_secrets(world_, version.spec);
  supervisor_.start(world_, target_of(version));
}

void Carrier::carry(const Verify&) {
  const Saved saved = has<PushGateway>(plan_) ? Saved::is_replaced : Saved::may_be_served;
  outcome_.proof = verify(world_, plan_.name, *plan_.after, evidence_, request_.verify_limit, saved);
  if (request_.watch_log.count() == 0) return;
  // what a new configuration does wrong shows when traffic comes: after a first start there is none yet
  const bool anew = reloaded_ || old_master_ != 0 || (restarted_ && was_running_);
  watch_workers(world_, plan_.name, evidence_, outcome_.proof, anew ? request_.watch_log : Millis(0));
  // clients and servers write into it, so it undoes nothing
  if (const std::string cry = evidence_.cry(world_); !cry.empty())
    progress_(fmt::format("{}: error.log says since, which undoes nothing: {}", plan_.name, cry));
}

/// Does what must not undo a change that is proved: a fault of it is only told.
void Carrier::tell(const char* what, const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& e) {
    progress_(fmt::format("{}: {}: {}", plan_.name, what, e.what()));
  }
}

void Carrier::settle() {
  const Uninterrupted shield;
  if (!plan_.after) remove_all();
  if (!commit_.empty()) {
    const FileLock lock = world_.git.lock(request_.lock_wait);
    if (plan_.after)
      world_.git.set_ref(applied_ref(plan_.name), commit_);
    else
      world_.git.remove_ref(applied_ref(plan_.name));
  }
  // from here on it is done and said to be; what fails now is told, and nothing is put back for it
  outcome_.changed = true;
  outcome_.took = took();
  tell("the old tree is left", [&] { world_.fs.remove(stage_); });
  tell("the outcome could not be noted", [&] {
    if (commit_.empty()) return;
    const FileLock lock = world_.git.lock(request_.lock_wait);
    note_outcome(world_, commit_, plan_.after ? "applied" : "deleted", "", outcome_.took);
  });
  audit(plan_.after ? "applied" : "deleted", "");
}

/// A deleted instance leaves no file: its tree is in the stage by now, and folders that only a layout made go, too.
void Carrier::remove_all() {
  beyond_return_ = true;
  world_.fs.remove(stage_);
  supervisor_.remove(world_, supervisor_.belongings(world_, shape().spec));
  for (std::string up = tree_.substr(0, tree_.rfind('/')); up.size() > world_.layout.trees().size();
       up.resize(up.rfind('/'))) {
    if (!world_.fs.exists(up) || !world_.fs.list(up).empty()) return;
    world_.fs.remove(up);
  }
}

void Carrier::audit(const std::string& outcome, const std::string& cause) {
  Value what = Value::object();
  what.set("revision", outcome_.revision);
  what.set("impact", to_string(outcome_.impact));
  what.set("outcome", outcome);
  if (!cause.empty()) what.set("cause", cause);
  what.set("milliseconds", static_cast<int64_t>(took().count()));
  write_audit(world_, plan_.name, request_.note, what, progress_);
}

}  // namespace orctl
