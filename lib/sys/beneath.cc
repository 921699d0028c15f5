#include "sys/beneath.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fs.h"

namespace orctl {
namespace {

constexpr int way_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is_symlink(const Fd& folder, const std::string& name) {
  struct stat raw = {};
  const int error = errno;
  const bool link = ::fstatat(folder.get(), name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(raw.st_mode);
  errno = error;
  return link;
}

/// open_beneath() for kernels before 5.6 and for sandboxes that hide openat2: one name at a time, each from the handle
/// of its folder. A name without a slash that is not ".." leads nowhere else when O_NOFOLLOW stops at symlinks (those
/// of /proc, too), so the result is the same.
Fd open_step_by_step(const Fd& base, const std::string& path, int flags, unsigned mode) {
  Fd here;
  const Fd* folder = &base;
  for (size_t begin = 0;;) {
    const size_t end = path.find('/', begin);
    const bool last = end == std::string::npos;
    const std::string name = path.substr(begin, last ? end : end - begin);
    if (name == "..") {
      errno = EXDEV;
      return Fd();
    }
    const int how = last ? flags | O_NOFOLLOW : way_flags;
    Fd next(retried([&] { return ::openat(folder->get(), name.c_str(), how, mode); }));
    if (!next && errno == ENOTDIR && is_symlink(*folder, name)) errno = ELOOP;  // as openat2 says it
    if (!next || last) return next;
    here = std::move(next);
    folder = &here;
    begin = end + 1;
  }
}

}  // namespace

Fd open_beneath(const Fd& base, const std::string& path, int flags, unsigned mode, Links links) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (links == Links::none ? RESOLVE_NO_SYMLINKS : 0);
  // glibc has no wrapper
  const auto open_once = [&] {
    return retried([&] { return ::syscall(SYS_openat2, base.get(), path.c_str(), &how, sizeof how); });
  };
  auto fd = open_once();
  // a symlink with ".." in it, while somebody renames folders
  for (int more = 100; fd < 0 && errno == EAGAIN && more > 0; --more) fd = open_once();
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return Fd(static_cast<int>(fd));
  return open_step_by_step(base, path, flags | O_CLOEXEC, mode);
}

std::optional<std::string> first_symlink(const Fd& base, const std::string& path) {
  std::optional<std::string> found;
  const int error = errno;
  each_prefix(path, 0, [&](const std::string& part) {
    if (found) return;
    const Fd node = open_beneath(base, part, O_PATH | O_NOFOLLOW);
    struct stat raw = {};
    // openat2 refuses even to look at one that is not the last
    if (node ? ::fstat(node.get(), &raw) == 0 && S_ISLNK(raw.st_mode) : errno == ELOOP) found = part;
  });
  errno = error;
  return found;
}

void refuse_second_name(const struct stat& file, const std::string& doing, const std::string& path) {
  if (S_ISDIR(file.st_mode) || file.st_nlink <= 1) return;
  throw Error(Exit::target,
              fmt::format("cannot {} '{}': it is a hard link, and its other name may be anybody's", doing, path),
              fmt::format("find the other name (find / -xdev -inum {}), then remove '{}'", file.st_ino, path));
}

Root::Root(std::string path) : path_(std::move(path)) { arrive(); }

void Root::arrive() {
  if (path_.empty() || handle_) return;
  handle_ = Fd(retried([&] { return ::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
}

bool Root::holds(const std::string& path) const {
  if (path_.empty()) return false;
  return path_ == "/" ? path.size() > 1 : path.size() > path_.size() + 1 && path.starts_with(path_ + "/");
}

std::string Root::below(const std::string& path) const {
  if (path == path_) return ".";
  return path.substr(path_ == "/" ? 1 : path_.size() + 1);
}

Fd Root::open(const std::string& path, int flags) const {
  const bool ours = !path_.empty() && (path == path_ || holds(path));
  if (!ours) return Fd(retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC); }));
  if (handle_) return open_beneath(handle_, below(path), flags);
  errno = ENOENT;
  return Fd();
}

Fd Root::folder(const std::string& path, Trust trust) const {
  Fd found = open(path, O_RDONLY | O_DIRECTORY);
  if (!found) throw fault("open folder", path, errno);
  if (trust == Trust::required && ::geteuid() == 0 && holds(path)) demand_trust(path);
  return found;
}

/// From the root downwards: whoever could exchange a folder after this look would have to own one above it.
void Root::demand_trust(const std::string& folder) const {
  each_prefix(folder, path_ == "/" ? 0 : path_.size(), [&](const std::string& part) {
    const Fd handle = open(part, way_flags);
    struct stat raw = {};
    if (!handle || ::fstat(handle.get(), &raw) != 0) throw fault("open folder", part, errno);
    if (raw.st_uid != 0)
      throw Error(Exit::target,
                  fmt::format("root does not write into '{}': its folder '{}' belongs to {}, who could change what "
                              "is there",
                              folder, part, user_name(raw.st_uid)),
                  fmt::format("give it to root (chown -R root: {}), or run as its owner", part));
    if ((raw.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (raw.st_mode & S_ISVTX) == 0)
      throw Error(Exit::target,
                  fmt::format("root does not write into '{}': others may write in its folder '{}' (mode {:04o})",
                              folder, part, raw.st_mode & 07777),
                  fmt::format("take that away: chmod go-w {}", part));
  });
}

std::string Root::symlink_towards(const std::string& path) const {
  std::string found;
  if (!handle_ || !holds(path)) return found;
  each_prefix(path, path_ == "/" ? 0 : path_.size(), [&](const std::string& part) {
    if (found.empty() && is_symlink(handle_, below(part))) found = part;
  });
  return found;
}

Error Root::fault(const std::string& doing, const std::string& path, int error) const {
  const std::string link = error == ELOOP ? symlink_towards(path) : "";
  if (link.empty()) return change_fault(doing, path, error);
  return Error(
      Exit::target,
      fmt::format("cannot {} '{}': '{}' is a symlink, and orctl follows none where it writes", doing, path, link),
      "put a real folder there (mount --bind shows another one's content), or choose another --root DIR");
}

}  // namespace orctl
