#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "sys/beneath.h"

/// Looking at, making and removing files and folders by the handle of the folder that they are in. Only fs*.cc and
/// git_*.cc include this.
namespace orctl {

/// fstatat; nullopt when nothing is there, look_fault otherwise.
std::optional<Fs::Stat> stat_at(int folder, const std::string& path, int flags, const std::string& shown);
/// A whole regular file. O_NONBLOCK keeps a FIFO from hanging us; it means nothing for a regular file.
std::string read_at(int folder, const std::string& name, int flags, size_t max, const std::string& path,
                    unsigned* mode = nullptr);
/// "folder", "symlink", "FIFO", …: what lies where a regular file is wanted.
const char* what_is(mode_t mode);
[[noreturn]] void too_large(const std::string& what, size_t max);
/// Without "." and "..", sorted; throws look_fault.
std::vector<std::string> names_in(const Fd& folder, const std::string& shown);

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
/// Makes the new file `name` in `folder`, durable but for its name; leaves nothing on failure. `shown` is for the
/// message.
void put_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown);
void make_folder_at(const Fd& parent, const std::string& name, unsigned mode, Owner owner, const std::string& shown);
/// A file, symlink or whole folder; no error when absent.
void remove_at(const Fd& folder, const std::string& name, const std::string& shown);

}  // namespace orctl
