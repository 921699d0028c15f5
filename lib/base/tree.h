#pragma once
#include <cstddef>
#include <map>
#include <string>

namespace orctl {

/// One regular file of a tree.
struct TreeFile {
  std::string content;
  unsigned mode = 0644;  ///< permission bits only
  bool operator==(const TreeFile&) const = default;
};

/// The largest tree we read or store: bytes in all, files and folders, and folders one in another.
constexpr size_t max_tree_bytes = size_t{64} << 20;
constexpr size_t max_tree_files = 10'000;
constexpr int max_tree_depth = 32;

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

/// Whether a file must stay out of the store, of diffs and of others' sight: a private key, and anything in certs/ that
/// is not public by its own words (a password file, say).
inline bool is_secret(const std::string& path, const TreeFile& file) {
  const auto says = [&](const char* words) { return file.content.find(words) != std::string::npos; };
  if (says("PRIVATE KEY-----")) return true;
  const bool is_public = says("-----BEGIN CERTIFICATE-----") || says("-----BEGIN TRUSTED CERTIFICATE-----") ||
                         says("-----BEGIN X509 CRL-----") || says("-----BEGIN DH PARAMETERS-----") ||
                         says("-----BEGIN PUBLIC KEY-----");
  return path.compare(0, 6, "certs/") == 0 && !is_public;
}

}  // namespace orctl
