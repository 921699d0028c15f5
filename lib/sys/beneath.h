#pragma once
#include <sys/stat.h>

#include <optional>
#include <string>

#include "sys/fault.h"
#include "sys/fs.h"

/// What is changed below a root is reached from one handle of that root and never through a symlink, so that nobody
/// who may write in one folder can make us write in another.
namespace orctl {

/// What a look at the owners of the folders on the way must find. `required` refuses, for root below a root, a folder
/// that somebody else owns or may write to: he could change there what we write.
enum class Trust { any, required };

/// Which symlinks are followed: none, or those that lead to what is below the same folder.
enum class Links { none, inside };

/// Opens `path`, relative to `base`, by openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS and, but for
/// Links::inside, RESOLVE_NO_SYMLINKS; an empty handle and errno when it cannot. Where there is no openat2 no symlink
/// is followed at all.
Fd open_beneath(const Fd& base, const std::string& path, int flags, unsigned mode = 0, Links links = Links::none);

/// The first symlink on the way from `base` to `path`, which has no "..": a part of `path`, or all of it.
std::optional<std::string> first_symlink(const Fd& base, const std::string& path);

/// Calls `each` with every folder of `path` that is longer than its first `from` bytes, parents first, itself at the
/// end.
template <class Each>
void each_prefix(const std::string& path, size_t from, Each each) {
  for (size_t slash = from; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    each(path.substr(0, slash));
  }
}

/// Throws when a file that is to be changed in place has another name somewhere: that may be a file of its own worth.
void refuse_second_name(const struct stat& file, const std::string& doing, const std::string& path);

/// The folder that an Fs changes, held by one handle.
class Root {
 public:
  /// `path` is absolute and without symlinks; "" for none: then every path is opened as it is.
  explicit Root(std::string path);

  bool holds(const std::string& path) const;  ///< below it, not it itself
  /// Opens the folder itself once it has been made.
  void arrive();
  /// open(2), beneath the root when `path` is there; an empty handle and errno when it cannot.
  Fd open(const std::string& path, int flags) const;
  /// A folder for *at calls and fsync; throws fault("open folder", …).
  Fd folder(const std::string& path, Trust trust) const;
  /// The change_fault() of `error`, or one that names the symlink on the way to `path`.
  Error fault(const std::string& doing, const std::string& path, int error) const;

 private:
  std::string below(const std::string& path) const;
  void demand_trust(const std::string& folder) const;
  std::string symlink_towards(const std::string& path) const;

  std::string path_;
  Fd handle_;
};

}  // namespace orctl
