// Of Carrier (carrier.h): how it puts back what it has changed.
#include <fmt/format.h>

#include <utility>

#include "change/carrier.h"
#include "change/swap.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/evidence.h"
#include "live/live_tree.h"
#include "model/certificates.h"
#include "store/history.h"

namespace orctl {

/// A fault after the ref had moved (of an fsync, say) must not leave the store calling live what was put back.
void Carrier::put_back_ref() {
  if (commit_.empty() || world_.git.ref(applied_ref(plan_.name)).value_or("") == plan_.base) return;
  const FileLock lock = world_.git.lock(request_.lock_wait);
  if (plan_.base.empty())
    world_.git.remove_ref(applied_ref(plan_.name));
  else
    world_.git.set_ref(applied_ref(plan_.name), plan_.base);
}

/// What others could have changed goes live no more, and nothing runs it: in the place of `folder`, the stage or the
/// live tree, comes what the store has of it.
void Carrier::renew(const std::string& folder) {
  if (!plan_.before || request_.accepts_changes) return;
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

void Carrier::put_back_tree() {
  heal_swap(world_, tree_folder(shape().spec));
  const bool staged = world_.fs.exists(stage_), live = world_.fs.exists(tree_);
  if (plan_.before && plan_.after) {
    if (world_.fs.read_tree(tree_, ownership()) == plan_.before->tree) return;  // the exchange had not happened
    if (!staged) return world_.fs.remove(tree_);                                // it was missing before
    renew(stage_);
    swap();
  } else if (plan_.after && live) {
    world_.fs.remove(tree_);
  } else if (plan_.before && staged && !live) {
    renew(stage_);
    world_.fs.rename(stage_, tree_);
  }
}

void Carrier::put_back(const Error& cause) {
  if (!swapped_ && !unit_written_ && !disturbed_ && old_master_ == 0 && !pushed_ && !pushed_certificates_ &&
      commit_.empty()) {
    world_.fs.remove(stage_);
    if (prepared_) supervisor_.remove(world_, *prepared_);
    throw cause;  // nothing had been changed
  }
  progress_(fmt::format("{}: {}; putting everything back", plan_.name, cause.what()));
  try {
    if (swapped_) put_back_tree();
    // a unit whose process must end is needed until it has
    if (unit_written_ && plan_.before)
      supervisor_.write_unit(world_, unit_of_others_ ? load_manifest(world_, plan_.base).unit : plan_.before->unit,
                             Supervisor::AtBoot::keep);
    put_back_process();
    if (unit_written_ && !plan_.before) supervisor_.write_unit(world_, "", Supervisor::AtBoot::keep);
    world_.fs.remove(stage_);
    // under systemd the first run of nginx made its folders
    if (!plan_.before) supervisor_.remove(world_, supervisor_.belongings(world_, plan_.after->spec));
    put_back_ref();
  } catch (const Error& e) {
    throw Error(Exit::broken, fmt::format("{}: {}; and putting it back failed: {}", plan_.name, cause.what(), e.what()),
                way_out(plan_.name, tree_, world_));
  }
  tell("the outcome could not be noted", [&] {
    if (commit_.empty()) return;
    const FileLock lock = world_.git.lock(request_.lock_wait);
    note_outcome(world_, commit_, "rolled-back", cause.what(), took());
  });
  audit("rolled-back", cause.what());
  std::string hint = cause.hint();
  if (!plan_.before &&
      hint.find(world_.layout.logs(plan_.name)) != std::string::npos)  // of a first apply no log is left
    hint = "orctl render -f MANIFEST -d DIR writes the files for a closer look";
  throw Error(Exit::rolled_back, fmt::format("{}: {}; everything was put back as it was", plan_.name, cause.what()),
              hint);
}

/// Whether nothing can be proved but by a start: nobody reaches its workers.
bool Carrier::has_lost_socket() const {
  const int master = supervisor_.master(world_);
  const auto loss = supervisor_.loss(world_, master, world_.proc.children(master));
  return master != 0 && loss && loss->of != Loss::Of::unit && loss->of != Loss::Of::place &&
         loss->mended_by == Impact::restart;
}

void Carrier::put_back_process() {
  if (old_master_ != 0) supervisor_.revert(world_, std::exchange(old_master_, 0));
  if (!disturbed_ && !pushed_ && !pushed_certificates_) return;
  // a stop that was begun is brought to its end: a master that drains takes no signal back; and a master that was
  // started anew may be another binary
  if (stopping_ || restarted_ || has_lost_socket()) supervisor_.stop(world_, Millis(0));
  if (!plan_.before || !was_running_) return;
  const int master = supervisor_.master(world_);
  Evidence evidence;  // nginx may still be logging what it could not do for the change that is taken back
  if (master == 0) {
    renew(tree_);
    start(before());
  } else if (disturbed_ && swapped_) {
    renew(tree_);
    evidence.before(world_, master, Evidence::Signal::reload);
    supervisor_.reload(world_);  // harmless when the reload that failed was never taken up
  } else if (!disturbed_) {
    const std::string socket = world_.layout.admin_socket(plan_.name);
    if (pushed_) put_document(world_, socket, before().document());
    if (pushed_certificates_) put_certificates(world_, socket, certificates_body(before().tree));
  }
  verify(world_, plan_.name, before(), evidence, request_.verify_limit);
}

}  // namespace orctl
