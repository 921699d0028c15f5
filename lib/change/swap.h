#pragma once
#include <functional>
#include <string>

#include "base/layout.h"
#include "sys/world.h"

namespace orctl {

/// Puts the staged tree in the place of the live one, and the live one on the stage: in one step, or, where the file
/// system knows none, in renames by way of Layout::aside(); `note` hears of that. After an Error both are where they
/// were, or heal_swap() can tell.
void swap_trees(World& world, const std::string& folder, const std::function<void(const std::string&)>& note);

/// Finishes or undoes what a kill between the renames of swap_trees() left: the live tree is back, or the new one is
/// live and the old one on the stage.
void heal_swap(World& world, const std::string& folder);

}  // namespace orctl
