#include "change/finish_interrupted.h"

#include <fmt/format.h>

#include "change/carrier.h"
#include "change/settle_masters.h"
#include "change/traces.h"
#include "host/target.h"
#include "plan/resume.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

/// The version of a commit. The keys, which the store does not hold, are in the live tree or in the one it was
/// exchanged with.
std::optional<Version> version_at(const std::string& commit, const World& world) {
  if (commit.empty()) return std::nullopt;
  const Value spec = load_manifest(world, commit)->spec;
  const TreePlaces trees = find_trees(tree_folder(spec), world);
  const Ownership ownership = tree_ownership(spec, world);
  std::vector<std::string> missing;
  Version version = load_version(world, commit, world.fs.read_tree(trees.live, ownership), &missing);
  if (!missing.empty()) version = load_version(world, commit, world.fs.read_tree(trees.stage, ownership));
  return version;
}

}  // namespace

void finish_interrupted(const std::string& name, World& world, const Request& request,
                        const std::function<void(const std::string&)>& note) {
  if (!world.git.exists()) return;
  InstancePlan plan;
  plan.name = name;
  plan.base = world.git.ref(applied_ref(name)).value_or("");
  if (!world.git.ref(branch_of(name))) return;
  // before anything is done by what it says
  if (!plan.base.empty()) plan.before = *load_manifest(world, name, plan.base);
  if (can_be_instance(name)) settle_masters(name, world, request, note);
  Traces there = look_at_store(name, world);
  if (is_settled(there)) {
    there = look_at_places(plan, std::move(there), world);
    Carrier(plan, std::move(there), world, request, note).resume();
    return;
  }
  const int number = there.revision;
  note(fmt::format("{}: revision {} was interrupted", name, number));
  plan.before = version_at(plan.base, world);
  if (!there.deletes) plan.after = version_at(there.commit, world);
  there.was_running = plan.before.has_value();
  there = look(plan, std::move(there), world);
  const bool forgotten = fate(plan, there) == Fate::forgotten;
  const auto fault = Carrier(plan, std::move(there), world, request, note).resume();
  if (forgotten)
    note(fmt::format("{}: it had not gone live; what was there before still is", name));
  else if (fault)
    note(fmt::format("{}: revision {} was taken back: {}", name, number, *fault));
  else
    note(fmt::format("{}: revision {} was finished", name, number));
}

}  // namespace orctl
