#include "change/swap.h"

#include <fmt/format.h>

namespace orctl {

void swap_trees(World& world, const std::string& folder, const std::function<void(const std::string&)>& note) {
  const std::string live = world.layout.tree(folder), stage = world.layout.stage(folder),
                    aside = world.layout.aside(folder);
  if (world.fs.exchange(stage, live)) return;
  note(fmt::format("in two renames: the file system of '{}' cannot exchange folders", live));
  try {
    world.fs.rename(live, aside);
    world.fs.rename(stage, live);
    world.fs.rename(aside, stage);
  } catch (const Error&) {
    heal_swap(world, folder);
    throw;
  }
}

void heal_swap(World& world, const std::string& folder) {
  const std::string live = world.layout.tree(folder), stage = world.layout.stage(folder),
                    aside = world.layout.aside(folder);
  if (!world.fs.exists(aside)) return;
  if (!world.fs.exists(live))
    world.fs.rename(aside, live);
  else if (!world.fs.exists(stage))
    world.fs.rename(aside, stage);
  else
    world.fs.remove(aside);
}

}  // namespace orctl
