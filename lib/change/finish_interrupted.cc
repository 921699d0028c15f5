#include "change/finish_interrupted.h"

#include <fmt/format.h>

#include "change/carrier.h"
#include "change/request.h"
#include "change/settle_masters.h"
#include "change/swap.h"
#include "host/target.h"
#include "live/live_tree.h"
#include "model/certificates.h"
#include "store/history.h"

namespace orctl {
namespace {

/// Whether the folder holds this tree; keys that are missing in `tree` do not count.
bool holds(const Tree& folder, const Tree& tree) {
  for (const auto& [path, file] : tree) {
    const auto found = folder.find(path);
    if (found == folder.end() || !(found->second == file)) return false;
  }
  for (const auto& [path, file] : folder)
    if (!tree.contains(path) && !is_secret(path, file)) return false;
  return true;
}

}  // namespace

void finish_interrupted(const std::string& name, World& world, const Request& request,
                        const std::function<void(const std::string&)>& note) {
  if (!world.git.exists()) return;
  const std::string head = world.git.ref(branch_of(name)).value_or("");
  const std::string applied = world.git.ref(applied_ref(name)).value_or("");
  if (head.empty()) return;
  // before anything is done by what it says
  const std::string folder = applied.empty() ? "" : tree_folder(load_manifest(world, name, applied).spec);
  settle_masters(name, world, request, note);
  const auto revision = revisions(world, name, 1).front();
  const auto say = [&](const std::string& outcome, const std::string& cause) {
    const FileLock lock = world.git.lock(request.lock_wait);
    note_outcome(world, head, outcome, cause, Millis(0));
  };
  if (!folder.empty()) heal_swap(world, folder);
  if (!revision.outcome.empty() || head == applied) {
    // proved, or put back; a late kill leaves the stage, or the outcome unsaid
    if (!folder.empty()) world.fs.remove(world.layout.stage(folder));
    if (revision.outcome.empty()) say("applied", "");
    return;
  }
  if (applied.empty() && revision.deletes) return say("deleted", "");
  note(fmt::format("{}: revision {} was interrupted", name, revision.number));

  const auto version_at = [&](const std::string& commit) -> std::optional<Version> {
    if (commit.empty()) return std::nullopt;
    const Value spec = load_manifest(world, name, commit).spec;
    const std::string place = tree_folder(spec);
    const Ownership ownership = tree_ownership(spec, world);
    // the keys, which the store does not hold, are in the live tree or in the one it was exchanged with
    std::vector<std::string> missing;
    Version version = load_version(world, commit, world.fs.read_tree(world.layout.tree(place), ownership), &missing);
    if (!missing.empty())
      version = load_version(world, commit, world.fs.read_tree(world.layout.stage(place), ownership));
    return version;
  };
  InstancePlan plan;
  plan.name = name;
  plan.base = applied;
  plan.before = version_at(applied);
  if (!revision.deletes) plan.after = version_at(head);
  Carrier carrier(plan, world, request, note);
  carrier.commit_ = head;
  carrier.was_running_ = plan.before.has_value();

  const Tree live = world.fs.read_tree(carrier.tree_, carrier.ownership());
  const bool in_place = plan.after ? holds(live, plan.after->tree) : live.empty();
  const bool before_equal = plan.before && plan.after && plan.before->tree == plan.after->tree;
  if (plan.after && (!in_place || before_equal)) {
    // it had not come as far as the exchange: the old tree is whole, and what was staged is rubbish
    if (plan.before && live.empty() && world.fs.exists(carrier.stage_)) world.fs.rename(carrier.stage_, carrier.tree_);
    world.fs.remove(carrier.stage_);
    say("interrupted", "killed before it went live");
    // a tree that somebody has changed meanwhile may serve: what belongs to it stays
    if (!plan.before && live.empty())
      carrier.supervisor_.remove(world, carrier.supervisor_.belongings(world, plan.after->spec));
    note(fmt::format("{}: it had not gone live; what was there before still is", name));
    return;
  }
  carrier.swapped_ = true;
  carrier.disturbed_ = true;
  try {
    carrier.unit_written_ = true;
    carrier.carry(WriteUnit{});
    if (!plan.after) {
      carrier.carry(Supervise{Supervise::Action::stop});
      if (!in_place) carrier.carry(SwapTree{});
    } else {
      if (const auto found = distrust_live_tree(carrier.tree_, world))
        throw Error(Exit::refused, fmt::format("'{}' {}, who could have changed it", found->path, found->why));
      const bool running = carrier.supervisor_.master(world) != 0;
      const bool hot = plan.before && plan.before->digest == plan.after->digest;
      const bool other_process =
          plan.before &&
          Plan{{{"", "", {}, {}, diff_specs(plan.before->spec, plan.after->spec), {}}}}.impact() == Impact::restart;
      if (running && (other_process || carrier.has_lost_socket()))
        carrier.carry(Supervise{Supervise::Action::restart});
      else if (running && hot) {
        carrier.carry(PushGateway{});
        if (certificates_digest(plan.before->tree) != certificates_digest(plan.after->tree))
          carrier.carry(PushCertificates{});
      } else if (running)
        carrier.carry(Reload{});
      else
        carrier.carry(Supervise{Supervise::Action::start});
      carrier.carry(Verify{});
    }
    carrier.settle();
    note(fmt::format("{}: revision {} was finished", name, revision.number));
  } catch (const Error& cause) {
    if (carrier.beyond_return_) throw;
    const Uninterrupted shield;
    try {
      carrier.put_back(cause);
    } catch (const Error& e) {
      if (e.exit() == Exit::broken) throw;
      note(fmt::format("{}: revision {} was taken back: {}", name, revision.number, cause.what()));
    }
  }
}

}  // namespace orctl
