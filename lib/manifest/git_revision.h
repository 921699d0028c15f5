#pragma once
#include <string>
#include <string_view>

#include "manifest/load.h"

namespace orctl {

/// How a place in a git repository is written: git:REV:PATH.
inline constexpr std::string_view git_prefix = "git:";

/// What load() makes of `place`: of a file or folder, or, when it is git:REV:PATH, of what the repository around the
/// current folder has there. REV and PATH are read by git itself: PATH from the top of the repository, or with ./ from
/// the current folder. Files are named as they are there, "git:main:fleet/pay.toml". Throws Error(Exit::usage) when
/// there is no such revision or path.
Manifests load_from(const std::string& place, Recurse recurse, World& world);

}  // namespace orctl
