#include "change/traces.h"

#include "host/supervisor.h"
#include "host/target.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

const Value& spec_of(const InstancePlan& plan) { return (plan.after ? *plan.after : *plan.before).spec; }

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

Traces::Holds held(const Tree& folder, const InstancePlan& plan) {
  using Holds = Traces::Holds;
  if (plan.before && folder == plan.before->tree) return Holds::before;
  if (folder.empty()) return Holds::nothing;
  return plan.after && holds(folder, plan.after->tree) ? Holds::after : Holds::other;
}

/// Whether nothing can be proved but by a start: nobody reaches its workers.
bool is_unreachable(const Supervisor& supervisor, int master, const World& world) {
  const auto loss = supervisor.loss(world, master, world.proc.children(master));
  return master != 0 && loss && loss->of != Loss::Of::unit && loss->of != Loss::Of::place &&
         loss->mended_by == Impact::restart;
}

}  // namespace

std::string folder_of(const InstancePlan& plan) {
  return plan.before || plan.after ? tree_folder(spec_of(plan)) : plan.name;
}

TreePlaces find_trees(const std::string& folder, const World& world) {
  const std::string aside = world.layout.aside(folder);
  TreePlaces found{world.layout.tree(folder), world.layout.stage(folder), world.fs.exists(aside)};
  // as heal_swap() will do it
  if (found.aside && !world.fs.exists(found.live))
    found.live = aside;
  else if (found.aside && !world.fs.exists(found.stage))
    found.stage = aside;
  return found;
}

Traces look_at_store(const std::string& name, const World& world) {
  Traces there;
  there.begun = Traces::Begun::by_killed;
  there.commit = world.git.ref(branch_of(name)).value_or("");
  there.applied = world.git.ref(applied_ref(name)).value_or("");
  if (there.commit.empty()) return there;
  const Revision newest = revisions(world, name, 1).front();
  there.revision = newest.number;
  there.outcome = newest.outcome;
  there.deletes = newest.deletes;
  return there;
}

Traces look_at_places(const InstancePlan& plan, Traces there, const World& world) {
  if (!plan.before && !plan.after) return there;  // where its tree would be, nobody can say
  const TreePlaces trees = find_trees(folder_of(plan), world);
  there.aside = trees.aside;
  there.staged = world.fs.exists(trees.stage);
  return there;
}

Traces look(const InstancePlan& plan, Traces there, const World& world) {
  if (may_have_swapped(there)) {
    there = look_at_places(plan, std::move(there), world);
    const std::string live = find_trees(folder_of(plan), world).live;
    there.live = held(world.fs.read_tree(live, tree_ownership(spec_of(plan), world)), plan);
  }
  if (plan.has_process()) {
    const Supervisor supervisor(world.layout, plan.name, world.layout.tree(folder_of(plan)));
    const int master = supervisor.master(world);
    there.running = master != 0;
    there.unreachable = is_unreachable(supervisor, master, world);
    there.upgrading = supervisor.upgrading(world) != 0;
  }
  if (!there.commit.empty()) there.applied = world.git.ref(applied_ref(plan.name)).value_or("");
  return there;
}

}  // namespace orctl
