#include "sys/fs_handle.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>

#include "base/rights.h"
#include "sys/fs.h"

namespace orctl {
namespace {

/// Content, owner and mode; 0 or errno.
int fill_file(const Fd& file, const std::string& content, unsigned mode, Owner owner) {
  if (const int error = write_fully(file.get(), content)) return error;
  // in this order: a new owner takes the set-id bits away
  if (!owner.as_is() && ::fchown(file.get(), owner.uid, owner.gid) != 0) return errno;
  return ::fchmod(file.get(), mode) != 0 ? errno : 0;
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

int finish_file(Fd& file) {
  if (retried([&] { return ::fsync(file.get()); }) != 0) return errno;
  return file.close();
}

Fd begin_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown) {
  Fd file = open_beneath(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, rights::secret_file);
  if (!file) throw change_fault("write", shown, errno);
  const int error = fill_file(file, content, mode, owner);
  if (error == 0) return file;
  ::unlinkat(folder.get(), name.c_str(), 0);
  throw change_fault("write", shown, error);
}

void put_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode, Owner owner,
                  const std::string& shown) {
  Fd file = begin_new_file(folder, name, content, mode, owner, shown);
  const int error = finish_file(file);
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

namespace {

/// Empties one folder with few handles and little memory: whoever may write there may have nested folders deeper than
/// a process has handles, or made millions of names.
class Emptier {
 public:
  explicit Emptier(const Fd& top) : top_(top) {}

  void run(const std::string& shown) {
    do {
      moved_ = false;
      empty(top_, shown, 0);
    } while (moved_);
  }

 private:
  static constexpr size_t names_at_a_time = 4096, most_names = 10'000'000;
  static constexpr int deepest = 32;

  void empty(const Fd& folder, const std::string& shown, int depth) {
    for (bool more = true; more;) {
      const std::vector<std::string> names = some_names(folder, shown);
      more = names.size() == names_at_a_time;
      removed_ += names.size();
      // somebody who makes names as fast as they are removed must not keep us for ever
      if (removed_ > most_names) throw change_fault("remove", shown, ENOTEMPTY);
      for (const std::string& name : names) remove(folder, name, shown + "/" + name, depth);
    }
  }

  void remove(const Fd& folder, const std::string& name, const std::string& shown, int depth) {
    if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) throw change_fault("remove", shown, errno);
    const int error = errno;
    if (depth == deepest) return move_up(folder, name, shown);
    {
      const Fd inner = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
      if (!inner) throw change_fault("remove", shown, errno == ENOTDIR || errno == ELOOP ? error : errno);
      empty(inner, shown, depth + 1);
    }
    if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      throw change_fault("remove", shown, errno);
  }

  void move_up(const Fd& folder, const std::string& name, const std::string& shown) {
    const auto move = [&](unsigned flags) {
      const std::string place = fmt::format(".orctl-deep.{}", next_++);
      return ::renameat2(folder.get(), name.c_str(), top_.get(), place.c_str(), flags) == 0;
    };
    moved_ = true;
    while (!move(RENAME_NOREPLACE)) {
      if (errno == EEXIST && next_ < most_names) continue;
      if (errno == EINVAL && move(0)) return;  // a file system that does not know the flag
      throw change_fault("remove", shown, errno);
    }
  }

  static std::vector<std::string> some_names(const Fd& folder, const std::string& shown) {
    struct Enough {};
    std::vector<std::string> names;
    try {
      each_name(folder, shown, [&](const Fs::Entry& entry) {
        names.push_back(entry.name);
        if (names.size() == names_at_a_time) throw Enough();
      });
    } catch (const Enough&) {
      // the others come next
    } catch (const Error& e) {
      throw e.as(Exit::target);
    }
    return names;
  }

  const Fd& top_;
  size_t removed_ = 0, next_ = 0;
  bool moved_ = false;
};

}  // namespace

void remove_at(const Fd& folder, const std::string& name, const std::string& shown) {
  if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw change_fault("remove", shown, errno);
  const int error = errno;
  const Fd inner = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
  if (!inner) throw change_fault("remove", shown, errno == ENOTDIR || errno == ELOOP ? error : errno);
  Emptier(inner).run(shown);
  if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw change_fault("remove", shown, errno);
  }
}

namespace {

Fs::Kind kind_in(const Fd& folder, const dirent& entry, const std::string& shown) {
  switch (entry.d_type) {
    case DT_REG:
      return Fs::Kind::file;
    case DT_DIR:
      return Fs::Kind::folder;
    case DT_LNK:
      return Fs::Kind::symlink;
    case DT_SOCK:
      return Fs::Kind::socket;
    case DT_UNKNOWN: {  // file systems need not say
      const auto found = stat_at(folder.get(), entry.d_name, AT_SYMLINK_NOFOLLOW, shown + "/" + entry.d_name);
      return found ? found->kind : Fs::Kind::other;
    }
    default:
      return Fs::Kind::other;
  }
}

struct CloseFolder {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

}  // namespace

void each_name(const Fd& folder, const std::string& shown, const std::function<void(const Fs::Entry&)>& each) {
  // a handle of its own, as fdopendir takes it over, and the place in the folder would be shared
  Fd own(retried([&] { return ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  const std::unique_ptr<DIR, CloseFolder> stream(own ? ::fdopendir(own.get()) : nullptr);
  if (!stream) throw look_fault("list", shown, errno);
  own.release();
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") each({name, kind_in(folder, *entry, shown)});
    errno = 0;
  }
  if (errno != 0) throw look_fault("list", shown, errno);
}

std::vector<std::string> names_in(const Fd& folder, const std::string& shown) {
  std::vector<std::string> names;
  each_name(folder, shown, [&](const Fs::Entry& entry) { names.push_back(entry.name); });
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace orctl
