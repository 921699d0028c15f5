#include "sys/fs_handle.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

namespace orctl {
namespace {

/// Content, owner and mode on disk, and `file` closed; 0 or errno.
int finish_file(Fd& file, const std::string& content, unsigned mode, Owner owner) {
  if (const int error = write_fully(file.get(), content)) return error;
  // in this order: a new owner takes the set-id bits away
  if (!owner.as_is() && ::fchown(file.get(), owner.uid, owner.gid) != 0) return errno;
  if (::fchmod(file.get(), mode) != 0) return errno;
  if (retried([&] { return ::fsync(file.get()); }) != 0) return errno;
  return file.close();
}

}  // namespace

Owner owner_of_user(const std::string& user, const std::string& path) {
  passwd entry = {};
  passwd* found = nullptr;
  std::vector<char> buffer(1 << 14);
  ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return {found->pw_uid, found->pw_gid};
  throw Error(Exit::target, fmt::format("cannot chown '{}': there is no user '{}'", path, user),
              fmt::format("make the user with: useradd --system {}", user));
}

Owner owner_of(const Ownership& ownership, const std::string& path) {
  Owner owner;
  if (!ownership.user.empty()) owner = owner_of_user(ownership.user, path);
  if (ownership.group.empty()) return owner;
  group entry = {};
  group* found = nullptr;
  std::vector<char> buffer(1 << 16);
  ::getgrnam_r(ownership.group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr)
    throw Error(Exit::target, fmt::format("cannot chown '{}': there is no group '{}'", path, ownership.group),
                fmt::format("make the group with: groupadd --system {}", ownership.group));
  owner.gid = found->gr_gid;
  return owner;
}

int write_fully(int fd, const std::string& content) {
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t put = retried([&] { return ::write(fd, content.data() + done, content.size() - done); });
    if (put < 0) return errno;
    if (put == 0) return EIO;
    done += static_cast<size_t>(put);
  }
  return 0;
}

void put_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown) {
  Fd file = open_beneath(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file) throw change_fault("write", shown, errno);
  const int error = finish_file(file, content, mode, owner);
  if (error == 0) return;
  ::unlinkat(folder.get(), name.c_str(), 0);
  throw change_fault("write", shown, error);
}

void make_folder_at(const Fd& parent, const std::string& name, unsigned mode, Owner owner, const std::string& shown) {
  if (::mkdirat(parent.get(), name.c_str(), mode) != 0) throw change_fault("make folder", shown, errno);
  const Fd made = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
  // The umask must not decide what nginx's workers can read.
  if (!made || (!owner.as_is() && ::fchown(made.get(), owner.uid, owner.gid) != 0) || ::fchmod(made.get(), mode) != 0)
    throw change_fault("make folder", shown, errno);
}

void remove_at(const Fd& folder, const std::string& name, const std::string& shown) {
  if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw change_fault("remove", shown, errno);
  const int error = errno;
  const Fd inner = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
  if (!inner) throw change_fault("remove", shown, errno == ENOTDIR || errno == ELOOP ? error : errno);
  std::vector<std::string> names;
  try {
    names = names_in(inner, shown);
  } catch (const Error& e) {
    throw Error(Exit::target, e.what(), e.hint());
  }
  for (const std::string& entry : names) remove_at(inner, entry, shown + "/" + entry);
  if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw change_fault("remove", shown, errno);
  }
}

std::vector<std::string> names_in(const Fd& folder, const std::string& shown) {
  // fdopendir takes the descriptor over, and the caller still needs its own.
  const int copy = ::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) throw look_fault("list", shown, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) throw look_fault("list", shown, error);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace orctl
