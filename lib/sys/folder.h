#pragma once
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sys/fault.h"
#include "sys/fs.h"

namespace orctl {

/// One file on its file system, whatever its names are.
struct FileId {
  uint64_t device = 0, inode = 0;
  auto operator<=>(const FileId&) const = default;
};

/// Why a file or folder was not read; nothing of its content was looked at.
struct Unread {
  enum class Why {
    absent,
    symlink,     ///< it, or a folder on the way to it, is one
    irregular,   ///< a folder, FIFO, socket or device
    too_large,   ///< more bytes than may be read
    over_limit,  ///< of a tree: too many, too deep, too much in all
  };
  Why why = Why::absent;
  std::string path;  ///< as the caller would name it: of a symlink its own, else that of what was to be read
  std::string text, hint;
  int64_t size = 0;       ///< of a file that is too large
  std::string what = {};  ///< of a symlink or an irregular one: "a socket"

  Error error(Exit exit) const { return Error(exit, text, hint); }
};

/// A folder that the caller named, held by one handle. What lies below it others may have written: it is reached from
/// that handle, through no symlink, and only regular files are read (openat2, RESOLVE_BENEATH). Safe to use from
/// several threads.
class Folder {
 public:
  struct File {
    std::string content;
    FileId id;
  };
  /// What may stand at the end of a path: `inside` is for a name that the caller wrote, which may be a symlink to what
  /// is below the folder, too.
  enum class Link { refused, inside };

  /// Follows the symlinks of `path`. Throws look_fault().
  explicit Folder(std::string path);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  FileId id() const { return id_; }
  /// `below` as the caller would name it.
  std::string shown(const std::string& below) const;

  /// The file `below`, at most `max` bytes. Throws look_fault() where there are no rights.
  std::variant<File, Unread> read(const std::string& below, size_t max, Link link = Link::refused) const;
  /// Calls `each` with every entry of the folder `below` ("" for this one) whose name does not begin with a dot, in no
  /// order; returns which folder it is. Throws look_fault(), and what `each` throws.
  FileId list(const std::string& below, const std::function<void(const Fs::Entry&)>& each) const;
  /// Where the symlink `name` in the folder `above` ("a/b/", "" for this one) leads, below this folder, if it is one
  /// of the two that lead to no place which others could not name as well: to a file beside it, or, as Kubernetes
  /// mounts a ConfigMap (a.toml -> ..data/a.toml, ..data -> ..2024_x), to one of the folder that is mounted now.
  /// nullopt for every other; what is there is to be opened without following a symlink.
  struct Target {
    std::string above, name;
    Fs::Kind kind = Fs::Kind::other;
  };
  std::optional<Target> target(const std::string& above, const std::string& name) const;
  /// All files below the folder `below` but those whose name, or a folder's, begins with a dot. What cannot be read is
  /// left out and added to `unread`.
  Tree tree(const std::string& below, const TreeLimits& limits, size_t max_file_bytes,
            std::vector<Unread>& unread) const;

 private:
  /// The handle, or `again`, opened anew where too many are held.
  const Fd& handle(Fd& again) const;
  Unread fault(const Fd& base, const std::string& below, int error, Link link) const;

  std::string path_;
  FileId id_;
  Fd handle_;  ///< empty: see handle()
};

}  // namespace orctl
