#pragma once
#include <map>
#include <string>

#include "base/pem.h"

namespace orctl {

/// One regular file of a tree.
struct TreeFile {
  std::string content;
  unsigned mode = 0644;  ///< permission bits only
  bool operator==(const TreeFile&) const = default;
};

/// Files by their path relative to the tree's top, e.g. "lua/orctl/init.lua"; folders are implied.
using Tree = std::map<std::string, TreeFile>;

/// A file or folder of a tree on disk that is not as it was made.
struct Misfit {
  std::string path;  ///< relative to the tree's top; "." for the top itself
  bool folder = false;
  std::string is, wanted;  ///< "root:www-data", or of folders "0755"
  bool owner = false;      ///< it belongs to somebody else; else other rights
  bool operator==(const Misfit&) const = default;
};

/// Whether a file must stay out of the store, of diffs and of others' sight: whatever in certs/ is not proved to be
/// public, and a private key anywhere.
inline bool is_secret(const std::string& path, const TreeFile& file) {
  if (path.starts_with("certs/")) return !is_public_pem(file.content);
  return file.content.find("PRIVATE KEY-----") != std::string::npos;
}

}  // namespace orctl
