#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rights.h"
#include "base/tree.h"
#include "sys/clock.h"
#include "sys/lock.h"
#include "sys/open_file.h"
#include "sys/trace.h"

namespace orctl {

/// Whose a tree is, and who may read it.
struct Ownership {
  std::string user, group;  ///< "": as the caller makes it
  unsigned folder_mode = rights::public_folder;
  unsigned file_mode_mask = 07777;

  /// The bits on disk of a file that a Tree has with `mode`: what its owner may read a named group may, too.
  unsigned file_mode(unsigned mode) const {
    return (group.empty() ? mode : mode | (mode & 0700) >> 3) & file_mode_mask;
  }
};

class Root;

/// How the temporary file begins that Fs::write() makes beside `target`, a name without its folder; a kill leaves it.
std::string temp_prefix(const std::string& target);

/// Files and folders. What is changed below the root is reached from one handle of the root and through no symlink
/// (sys/beneath.h); other paths, and those that are only read, are taken as they are.
class Fs {
 public:
  enum class Kind { file, folder, symlink, socket, other };
  struct Stat {
    Kind kind = Kind::other;
    unsigned mode = 0;  ///< permission bits
    uint32_t uid = 0, gid = 0;
    int64_t size = 0;
    int64_t inode = 0;
    int64_t mtime_ns = 0;
  };
  struct Entry {
    std::string name;
    Kind kind = Kind::other;
  };

  /// `root` is absolute and without symlinks; "" for none.
  explicit Fs(Trace trace, const std::string& root = "");
  /// The same for what is written beneath `folder` alone.
  Fs beneath(const std::string& folder);

  /// lstat; nullopt when nothing is there. Other failures (no rights on the way) are Errors.
  std::optional<Stat> stat(const std::string& path) const;
  bool exists(const std::string& path) const { return stat(path).has_value(); }
  /// What a symlink at the end of `path` leads to (stat); nullopt when nothing is there.
  std::optional<Stat> follow(const std::string& path) const;
  /// The whole file; an Error (Exit::refused) when missing, unreadable, not regular, or above `max` bytes
  /// (the message says the size and the limit).
  std::string read(const std::string& path, size_t max = size_t{64} << 20) const;
  /// The bytes of a file from `offset` on, at most `max`; "" when it is missing or shorter. As open().
  std::string read_from(const std::string& path, int64_t offset, size_t max) const;
  /// For files in folders of others, such as an instance's log: through no symlink, beneath the root, regular, of one
  /// name. nullopt when nothing is there; an Error (Exit::refused) when it is unreadable or something else.
  std::optional<OpenFile> open(const std::string& path) const;
  /// All of standard input, at most `max` bytes.
  std::string read_stdin(size_t max) const;
  /// Whether `path` leads to a pipe, with a name (FIFO) or without (/dev/fd/63).
  bool is_pipe(const std::string& path) const;
  /// The same as read_stdin() of a pipe that whoever calls orctl hands over by a path; never for what others named.
  std::string read_pipe(const std::string& path, size_t max) const;
  /// Sorted by name, without "." and ".."; an Error when `path` is no readable folder.
  std::vector<Entry> list(const std::string& path) const;
  /// All regular files below `dir`, with the modes that write_tree() was given; empty when `dir` does not exist.
  /// Symlinks and special files are entries without content (TreeFile::irregular), and so is `dir` itself as "." when
  /// it is no folder.
  Tree read_tree(const std::string& dir, const Ownership& ownership = {}) const;
  /// What below `dir` has another owner, or folders other rights, than write_tree() gives; sorted by path. Where no
  /// user is named, the owner of the folder above is right, and so is the caller.
  std::vector<Misfit> misfits(const std::string& dir, const Ownership& ownership = {}) const;
  /// Why folders in the existing folder `dir` cannot be exchanged in one step, such as "nfs"; "" when nothing is known
  /// against it.
  std::string cannot_exchange(const std::string& dir) const;
  /// The absolute path of executable `name` in the folders of $PATH (or `name` itself when it has a slash).
  std::optional<std::string> find_program(const std::string& name, const std::string& path_list) const;
  bool writable(const std::string& path) const;  ///< access(W_OK)
  /// `path` as an absolute one, without "." and ".."; symlinks are not followed.
  std::string absolute(const std::string& path) const;
  /// absolute() with symlinks followed, as far as the path exists.
  std::string resolved(const std::string& path) const;

  /// Makes `path` and its missing parents with `mode`; each new name is made durable.
  void make_folders(const std::string& path, unsigned mode = rights::public_folder);
  /// Replaces `path` in one step: temp file beside it (O_EXCL|O_NOFOLLOW), write, fsync, rename, fsync of the folder.
  void write(const std::string& path, const std::string& content, unsigned mode = rights::public_file);
  /// Makes the new file `path`, durable but for its name; an Error when it is there.
  void create(const std::string& path, const std::string& content, unsigned mode = rights::public_file);
  /// Replaces `path` in one step by way of the new file `temp`; its name is durable only after a sync() of its folder.
  void put(const std::string& path, const std::string& temp, const std::string& content,
           unsigned mode = rights::public_file);
  void sync(const std::string& folder);  ///< makes the names in it durable
  /// Appends `line` (one write call) and fsyncs; creates the file with `mode`.
  void append(const std::string& path, const std::string& line, unsigned mode = rights::group_file);
  /// Writes all of `tree` into the new folder `dir` (an Error when it exists) and makes every file and folder durable.
  void write_tree(const std::string& dir, const Tree& tree, const Ownership& ownership = {});
  /// Exchanges two folders in one step (renameat2 RENAME_EXCHANGE) and fsyncs the parent(s); false when the file system
  /// does not know how, and then nothing has happened.
  bool exchange(const std::string& a, const std::string& b);
  void rename(const std::string& from, const std::string& to);  ///< and fsyncs both parents
  /// Removes a file, symlink or whole folder (symlinks inside are removed, never followed), fsyncs the parent; no error
  /// when absent.
  void remove(const std::string& path);
  void chmod(const std::string& path, unsigned mode);
  void chown(const std::string& path, const std::string& user);
  /// Takes a file or folder, and what a folder holds, away from everybody but its owner and, if one is named, the
  /// members of `group`, who may read. New files in the folder are the group's, too. Touches nothing that is so
  /// already.
  void keep_private(const std::string& path, const std::string& group);
  /// Takes the exclusive flock on `path` (created 0600 when missing). Exit::conflict when `wait` passes; the
  /// message names `subject` and says who holds it, since when and what for.
  FileLock lock(const std::string& path, Millis wait, const std::string& subject);
  /// Whether somebody holds lock() of `path` right now, by the kernel's word; whoever asks takes nothing.
  bool is_locked(const std::string& path) const;

 private:
  Trace trace_;
  std::shared_ptr<Root> root_;
};

/// "a folder".
const char* in_words(Fs::Kind kind);

}  // namespace orctl
