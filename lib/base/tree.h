#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/pem.h"
#include "base/rights.h"
#include "base/tree_paths.h"

namespace orctl {

/// One regular file of a tree, or, in one that was read from disk, what stands there and is none.
struct TreeFile {
  std::string content;
  unsigned mode = rights::public_file;  ///< permission bits only
  std::string irregular = {};  ///< "a symlink", "a socket", "a special file": it has no content, and cannot be written
  std::string fingerprint = {};  ///< "sha256:…" where this alone is known of its content, as the store has of secrets
  bool operator==(const TreeFile&) const = default;
};

/// Files by their path relative to the tree's top, e.g. "lua/orctl/init.lua"; folders are implied.
using Tree = std::map<std::string, TreeFile>;

/// How much one tree may hold.
struct TreeLimits {
  size_t entries;     ///< files, and the folders that they lie in
  size_t bytes;       ///< of all files
  size_t depth;       ///< names in one path
  size_t path_bytes;  ///< of one path
};

/// What manifests may make of a tree, with everything that its version is committed with. Nothing larger becomes a
/// revision from a manifest.
inline constexpr TreeLimits new_tree_limits{10'000, size_t{64} << 20, 32, 1024};
/// What is written to disk or store at all, and so what is read, rolled back and deleted. It is more than
/// `new_tree_limits`, as older ones let more through, and as nginx.conf differs a little from host to host.
inline constexpr TreeLimits kept_tree_limits{20'000, size_t{128} << 20, 64, 2048};

/// Largest file that manifests may lay over a tree, and the longest name of a file or folder there.
inline constexpr size_t max_overlay_file_bytes = size_t{1} << 20;
inline constexpr size_t max_overlay_name_bytes = 64;
/// The longest name of a folder of trees: the stage beside it has a longer one, and file systems take 255 bytes.
inline constexpr size_t max_tree_folder_name_bytes = 200;

/// The limit that `tree` breaks, in words: "it has 10032 files and folders, and 10000 are the most"; nullopt when it
/// breaks none.
std::optional<std::string> over_limit(const Tree& tree, const TreeLimits& limits);

/// A file or folder of a tree on disk that is not as it was made.
struct Misfit {
  std::string path;  ///< relative to the tree's top; "." for the top itself
  bool folder = false;
  std::string is, wanted;  ///< "root:www-data", or of folders "0755"
  bool owner = false;      ///< it belongs to somebody else; else other rights
  bool operator==(const Misfit&) const = default;
};

/// "sha256:" and the 64 digits of a file's content.
std::string fingerprint_of(const TreeFile& file);

/// Whether a file must stay out of the store, of diffs and of others' sight: whatever in certs/ is not proved to be
/// public, and a private key anywhere.
inline bool is_secret(const std::string& path, const TreeFile& file) {
  if (!file.irregular.empty()) return false;
  if (!file.fingerprint.empty()) return true;
  if (path.starts_with(tree_path::certs)) return !is_public_pem(file.content);
  return file.content.find("PRIVATE KEY-----") != std::string::npos;
}

}  // namespace orctl
