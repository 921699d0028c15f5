#pragma once
#include <optional>
#include <string>

namespace orctl {

/// Who besides root and the caller could change what a path leads to.
struct Distrust {
  std::string path;    ///< the file or folder on the way that they could change
  std::string why;     ///< "belongs to 'alice'"
  std::string remedy;  ///< a command
};

/// Looks at every folder and symlink on the way to `path`, and at what is there itself: each must be root's or the
/// caller's, and nobody else's to write. Folders where only an entry's owner may replace it (sticky, as /tmp) are fine.
/// nullopt when all of it may be trusted, as far as the path exists.
std::optional<Distrust> distrust(const std::string& path);

/// The same for a folder and everything in it.
std::optional<Distrust> distrust_tree(const std::string& folder);

}  // namespace orctl
