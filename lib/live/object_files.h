#pragma once
#include <string>

#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// Asks the program that the kind names (Kind::check_files) about the files of an object in the folder `tree`. Throws
/// Error(Exit::refused) with all it said.
void check_object_files(World& world, const Value& spec, const std::string& tree, Millis limit);

/// Proves that an object is there: its files are those of `version`, and the program that the kind names (Kind::prove)
/// says so until `limit` has passed. Throws what is wrong.
void prove_object(World& world, const Version& version, Millis limit);

}  // namespace orctl
