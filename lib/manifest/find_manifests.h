#pragma once
#include <memory>
#include <string>
#include <vector>

#include "manifest/load.h"
#include "sys/folder.h"

namespace orctl {

/// One manifest that the command line means, before anything of it was read.
struct ManifestFile {
  enum class Origin {
    input,  ///< standard input; its folder is the current one
    pipe,   ///< one that the user handed over by its path; its folder is the current one, too
    named,  ///< by the user himself
    found,  ///< in a folder that he named
  };
  Origin origin = Origin::found;
  std::string file;                      ///< as the user knows it
  std::shared_ptr<const Folder> folder;  ///< which he named; null where the current one cannot be opened
  std::string above;                     ///< the folders below `folder` that it lies in, "a/b/"; "" for none
  std::string name;
  FileId place;  ///< of the folder that it lies in

  std::string below() const { return above + name; }
};

/// Every manifest that `files` mean, in order; hidden files and folders are none, and no symlink that was found is
/// followed. Throws Error(Exit::usage) for what is not there, cannot be read or is too much.
std::vector<ManifestFile> find_manifests(const std::vector<std::string>& files, Recurse recurse, const World& world,
                                         Diagnostics& found);

/// Throws what was thrown by `look` as a fault of the command line, not of a manifest.
template <class Look>
auto usage_fault(Look look) {
  try {
    return look();
  } catch (const Error& e) {
    if (e.exit() != Exit::refused) throw;
    throw Error(Exit::usage, e.what(), e.hint().empty() ? "name a file or folder that you may read" : e.hint());
  }
}

/// The regular file or pipe that the user named, read as a manifest that he named is. Throws Error(Exit::usage).
std::string read_named_file(const std::string& path, size_t max, const World& world);

}  // namespace orctl
