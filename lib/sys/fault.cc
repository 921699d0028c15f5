#include "sys/fault.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <strings.h>
#include <unistd.h>

#include <system_error>

#include "sys/interrupt.h"

namespace orctl {

Fd& Fd::operator=(Fd&& o) noexcept {
  if (this != &o) {
    close();
    fd_ = o.release();
  }
  return *this;
}

int Fd::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

int Fd::close() {
  const int fd = release();
  // After EINTR Linux has closed the descriptor all the same (close(2)).
  return fd >= 0 && ::close(fd) != 0 && errno != EINTR ? errno : 0;
}

std::string errno_text(int error) { return std::generic_category().message(error); }

std::string errno_hint(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "run as root or choose another place with --root DIR";
    case EROFS:
      return "the file system is mounted read-only: remount it, or choose another place with --root DIR";
    case ENOSPC:
      return "free space (df -h, df -i) and run the same command again";
    case EDQUOT:
      return "free space or raise the disk quota, and run the same command again";
    case EIO:
      return "the disk or its file system fails: look at dmesg";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n) and run the same command again";
    case ENOTDIR:
      return "something that is no folder stands on the way: look with ls -ld, and move it away";
    case EISDIR:
      return "a folder stands where a file is wanted: look with ls -ld, and move it away";
    case ENXIO:
      return "a FIFO, a socket or a device stands where a file is wanted: look with ls -ld, and move it away";
    default:
      return {};
  }
}

namespace {

Error fault(Exit exit, const std::string& doing, const std::string& path, int error) {
  if (error == EACCES) return Error(exit, fmt::format("no rights to {} '{}'", doing, path), errno_hint(error));
  return Error(exit, fmt::format("cannot {} '{}': {}", doing, path, errno_text(error)), errno_hint(error));
}

}  // namespace

Error look_fault(const std::string& doing, const std::string& path, int error) {
  return fault(Exit::refused, doing, path, error);
}

Error change_fault(const std::string& doing, const std::string& path, int error) {
  return fault(Exit::target, doing, path, error);
}

void stop_if_interrupted() {
  const int signal_number = interrupted();
  if (signal_number == 0) return;
  throw Error(Exit::target, fmt::format("interrupted by SIG{}", sigabbrev_np(signal_number)));
}

PathParts path_parts(const std::string& path) {
  std::string whole = path;
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  const size_t slash = whole.rfind('/');
  PathParts place;
  place.name = slash == std::string::npos ? whole : whole.substr(slash + 1);
  place.folder = slash == std::string::npos ? "." : slash == 0 ? "/" : whole.substr(0, slash);
  if (place.name.empty() || place.name == "." || place.name == "..") {
    throw Error(Exit::target, fmt::format("'{}' names no file or folder that could be changed", path));
  }
  return place;
}

Fd open_folder(const std::string& path) {
  Fd folder(retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!folder) throw change_fault("open folder", path, errno);
  return folder;
}

void sync_folder(const Fd& folder, const std::string& path) {
  if (retried([&] { return ::fsync(folder.get()); }) != 0 && errno != EINVAL) {
    throw change_fault("make durable", path, errno);
  }
}

void sync_folder(const std::string& path) { sync_folder(open_folder(path), path); }

const char* name_fault(const std::string& name) {
  if (name.empty()) return "is empty";
  if (name == "." || name == "..") return "leads out of the tree";
  if (strcasecmp(name.c_str(), ".git") == 0) return "belongs to git";
  if (name.size() > 255) return "is longer than 255 bytes";
  for (const char c : name) {
    if (c == '/') return "has a slash in it";
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "has a control byte in it";
  }
  return nullptr;
}

void check_paths(const Tree& tree, const std::string& what) {
  if (const auto limit = over_limit(tree, kept_tree_limits))
    throw Error(Exit::refused, fmt::format("{}: {}", what, *limit));
  for (const auto& [path, file] : tree) {
    if (!file.irregular.empty())
      throw Error(Exit::refused, fmt::format("{}: '{}' is {}", what, path, file.irregular),
                  "move it out of the tree, then run the same command again");
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
      end = path.find('/', begin);
      const std::string name = path.substr(begin, end == std::string::npos ? end : end - begin);
      if (const char* why = name_fault(name)) {
        throw Error(Exit::refused, fmt::format("{}: path {:?} is not safe: {:?} {}", what, path, name, why));
      }
      if (end != std::string::npos && tree.contains(path.substr(0, end))) {
        throw Error(Exit::refused, fmt::format("{}: '{}' is both a file and a folder", what, path.substr(0, end)));
      }
    }
  }
}

std::string user_name(uint32_t uid) {
  passwd entry = {};
  passwd* found = nullptr;
  char buffer[1 << 12];
  ::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found);
  return found == nullptr ? fmt::format("uid {}", uid) : fmt::format("'{}'", entry.pw_name);
}

}  // namespace orctl
