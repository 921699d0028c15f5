#pragma once
#include <fcntl.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sys/beneath.h"
#include "sys/folder.h"
#include "sys/fs.h"

/// Looking at, making and removing files and folders by the handle of the folder that they are in. Only fs*.cc and
/// git_*.cc include this.
namespace orctl {

Fs::Kind kind_of(mode_t mode);
/// fstatat; nullopt when nothing is there, look_fault otherwise.
std::optional<Fs::Stat> stat_at(int folder, const std::string& path, int flags, const std::string& shown);
/// A whole regular file. O_NONBLOCK keeps a FIFO from hanging us; it means nothing for a regular file.
std::string read_at(int folder, const std::string& name, int flags, size_t max, const std::string& path,
                    unsigned* mode = nullptr);
/// "folder", "symlink", "FIFO", …: what lies where a regular file is wanted.
const char* what_is(mode_t mode);
[[noreturn]] void too_large(const std::string& what, size_t max);
/// Calls `each` with every entry of a folder but "." and "..", in no order; throws look_fault, and what `each` throws.
void each_name(const Fd& folder, const std::string& shown, const std::function<void(const Fs::Entry&)>& each);
/// Without "." and "..", sorted; throws look_fault.
std::vector<std::string> names_in(const Fd& folder, const std::string& shown);

/// For opening what may turn out to be no regular file: a FIFO must not hang us, a terminal not become ours.
constexpr int read_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
Unread irregular(Fs::Kind kind, const std::string& shown);
/// All of the regular file that `file` is open on, at most `max` bytes, and its permission bits.
std::variant<std::string, Unread> read_regular(const Fd& file, size_t max, const std::string& shown, unsigned& mode);

/// How a whole tree is read, and what becomes of an entry that cannot be.
struct TreeReading {
  enum class Hidden { read, skipped };
  std::string shown;  ///< the top, as people know it
  TreeLimits limits;
  size_t max_file_bytes;
  Hidden hidden = Hidden::read;
  std::function<void(Unread)> fault;  ///< may throw; else the entry is left out, or the rest where a limit is reached
};
Tree read_tree_at(const Fd& top, const TreeReading& how);

/// Numbers for fchown(2), which leaves those that are -1.
struct Owner {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  bool as_is() const { return uid == static_cast<uid_t>(-1) && gid == static_cast<gid_t>(-1); }
};
/// A user with his primary group; `path` is what shall be his, for the message.
Owner owner_of_user(const std::string& user, const std::string& path);
Owner owner_of(const Ownership& ownership, const std::string& path);

/// All of `content`; 0 or errno.
int write_fully(int fd, const std::string& content);
/// Makes the new file `name` in `folder`, which is durable once finish_file() has closed it; leaves nothing on failure.
/// `shown` is for the message.
Fd begin_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown);
int finish_file(Fd& file);  ///< 0 or errno
/// Makes the new file `name` in `folder`, durable but for its name; leaves nothing on failure. `shown` is for the
/// message.
void put_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown);
void make_folder_at(const Fd& parent, const std::string& name, unsigned mode, Owner owner, const std::string& shown);
/// A file, symlink or whole folder, however deep and full it is; no error when absent.
void remove_at(const Fd& folder, const std::string& name, const std::string& shown);

}  // namespace orctl
