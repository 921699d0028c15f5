#pragma once
#include <string>
#include <vector>

#include "base/tree.h"
#include "kind/instance/instance.h"
#include "sys/world.h"

namespace orctl {

/// One instance of the manifests given, with the files laid over its tree.
struct Loaded {
  Instance instance;
  Tree overlay;
  std::string document;  ///< render_document() of the instance, where its size had to be known; else ""
};

struct Manifests {
  std::vector<Loaded> instances;
  std::vector<Object> objects;   ///< of the kinds that live in files
  std::vector<NameRules> rules;  ///< of each Fleet that was read
  size_t files = 0;
  Diagnostics found;  ///< errors and warnings of all files, in the order of the files

  bool valid() const { return !has_errors(found); }
};

enum class Recurse { no, yes };

/// What one command reads at most, lest a folder that strangers fill takes all memory and time.
inline constexpr size_t max_manifests = 50'000;
inline constexpr size_t max_names_looked_at = 1'000'000;
inline constexpr size_t max_manifest_depth = 32;             ///< folders below one that is named, with -R
inline constexpr size_t max_loaded_bytes = size_t{1} << 30;  ///< manifests and the files that they name

/// Reads every manifest in `files`: files, folders (their *.toml and *.json), "-" for standard input. A folder's Fleet
/// holds for every manifest of that folder, also when only one of them is named. Faults of the manifests are collected;
/// a file or folder that cannot be read at all is an Error (Exit::usage).
///
/// Whose word a path is: the folders of a path on the command line are the user's, symlinks or not. A file that he
/// names may be a symlink to what is below its folder (names come from patterns, too). What is found in a folder, and
/// what a manifest names, was written by others: it is reached through no symlink (sys/folder.h).
Manifests load(const std::vector<std::string>& files, Recurse recurse, const World& world);

/// Adds to `found` each secret that the store would keep of files laid over a tree, which lie in `folder`.
void refuse_overlay_secrets(const std::string& folder, const Tree& overlay, Diagnostics& found);

/// The manifests, when they are valid and describe something: throws Error(Exit::refused) after handing every fault to
/// `report`.
Manifests valid_ones(Manifests manifests, const std::function<void(const Diagnostic&)>& report);

/// load() and valid_ones(), of manifests that describe instances only.
std::vector<Loaded> load_valid(const std::vector<std::string>& files, Recurse recurse, const World& world,
                               const std::function<void(const Diagnostic&)>& report);

}  // namespace orctl
