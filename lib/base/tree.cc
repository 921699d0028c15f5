#include "base/tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace orctl {
namespace {

/// Folders of `path` that do not hold `previous`, the path before it in the order of a Tree.
size_t new_folders(const std::string& path, const std::string& previous) {
  const size_t length = std::min(path.size(), previous.size());
  const auto differs =
      std::mismatch(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length), previous.begin());
  return static_cast<size_t>(std::count(differs.first, path.end(), '/'));
}

}  // namespace

std::string fingerprint_of(const TreeFile& file) {
  return file.fingerprint.empty() ? "sha256:" + sha256(file.content) : file.fingerprint;
}

std::optional<std::string> over_limit(const Tree& tree, const TreeLimits& limits) {
  size_t entries = tree.size(), bytes = 0;
  const std::string* previous = nullptr;
  for (const auto& [path, file] : tree) {
    entries += new_folders(path, previous == nullptr ? "" : *previous);
    bytes += file.content.size();
    previous = &path;
    if (path.size() > limits.path_bytes)
      return fmt::format("a path in it has {} bytes, and {} are the most: '{}…'", path.size(), limits.path_bytes,
                         path.substr(0, 60));
    const auto names = static_cast<size_t>(std::count(path.begin(), path.end(), '/')) + 1;
    if (names > limits.depth)
      return fmt::format("'{}' lies {} folders deep, and {} are the most", path, names - 1, limits.depth - 1);
  }
  if (entries > limits.entries)
    return fmt::format("it has {} files and folders, and {} are the most", entries, limits.entries);
  if (bytes > limits.bytes) return fmt::format("its files have {} bytes, and {} are the most", bytes, limits.bytes);
  return std::nullopt;
}

}  // namespace orctl
