#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "sys/beneath.h"

namespace orctl {

FileLock& FileLock::operator=(FileLock&& o) noexcept {
  std::swap(fd_, o.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {

/// Who holds the flock on `inode` by the kernel's own table, "another orctl" when it does not tell (another pid
/// namespace).
std::string holder(ino_t inode) {
  std::ifstream table("/proc/locks");
  for (std::string line; std::getline(table, line);) {
    // "1: FLOCK  ADVISORY  WRITE 4711 08:01:131075 0 EOF"; waiters have "->" after the number (proc(5)).
    int pid = 0;
    unsigned long found = 0;
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %*x:%*x:%lu", &pid, &found) != 2) continue;
    if (found != inode || pid <= 0) continue;
    const std::string command = Proc({}).command_line(pid);
    return command.empty() ? fmt::format("pid {}", pid) : fmt::format("pid {} ({})", pid, command);
  }
  return "another orctl";
}

/// Whether `path` still names the file behind `fd`: a lock on a removed file excludes nobody.
bool still_there(int fd, const std::string& path, ino_t& inode) {
  struct stat held = {}, named = {};
  if (::fstat(fd, &held) != 0) return false;
  inode = held.st_ino;
  return ::lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/// The lock file, made when missing. One with a second name may be anybody's file.
Fd open_lock(const Root& root, const std::string& path) {
  const PathParts place = path_parts(path);
  const Fd folder = root.folder(place.folder, Trust::required);
  const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  Fd file(retried([&] { return ::openat(folder.get(), place.name.c_str(), flags, 0600); }));
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0) throw root.fault("lock", path, errno);
  refuse_second_name(raw, "lock", path);
  return file;
}

}  // namespace

FileLock take_lock(const Root& root, const std::string& path, Millis wait, const std::string& subject) {
  const Deadline deadline = Deadline::in(wait);
  for (;;) {
    Fd file = open_lock(root, path);
    ino_t inode = 0;
    for (;;) {
      stop_if_interrupted();
      if (retried([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) {
        if (still_there(file.get(), path, inode)) return FileLock(file.release());
        break;
      }
      if (errno != EWOULDBLOCK) throw change_fault("lock", path, errno);
      if (!still_there(file.get(), path, inode)) break;
      if (deadline.passed()) {
        throw Error(Exit::conflict, fmt::format("{} is locked by {}", subject, holder(inode)),
                    fmt::format("wait for it to end and run the same command again; the lock is '{}', "
                                "and the kernel frees it when its holder ends",
                                path));
      }
      Clock().pause(std::min(deadline.left(), Millis(10)));
    }
  }
}

FileLock Fs::lock(const std::string& path, Millis wait, const std::string& subject) {
  say(trace_, "lock " + path);
  return take_lock(*root_, path, wait, subject);
}

}  // namespace orctl
