#pragma once
#include <map>
#include <string>

namespace orctl {

/// One regular file of a tree.
struct TreeFile {
  std::string content;
  unsigned mode = 0644;  ///< permission bits only
  bool operator==(const TreeFile&) const = default;
};

/// Files by their path relative to the tree's top, e.g. "lua/orctl/init.lua"; folders are implied.
using Tree = std::map<std::string, TreeFile>;

}  // namespace orctl
