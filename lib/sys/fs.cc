#include "sys/fs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "sys/fs_handle.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr unsigned permission_bits = 07777;

/// Everything up to the end of `fd`, whose size may be unknown.
std::string read_all(int fd, size_t max, const std::string& path) {
  std::string content;
  char block[1 << 16];
  for (;;) {
    const ssize_t got = retried([&] { return ::read(fd, block, sizeof block); });
    if (got < 0) throw look_fault("read", path, errno);
    if (got == 0) return content;
    content.append(block, static_cast<size_t>(got));
    if (content.size() > max) too_large(fmt::format("'{}'", path), max);
  }
}

}  // namespace

Fs::Kind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return Fs::Kind::file;
    case S_IFDIR:
      return Fs::Kind::folder;
    case S_IFLNK:
      return Fs::Kind::symlink;
    case S_IFSOCK:
      return Fs::Kind::socket;
    default:
      return Fs::Kind::other;
  }
}

const char* what_is(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "folder";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "FIFO (special file)";
    case S_IFSOCK:
      return "socket (special file)";
    case S_IFREG:
      return "file";
    default:
      return "special file";
  }
}

std::optional<Fs::Stat> stat_at(int folder, const std::string& path, int flags, const std::string& shown) {
  struct stat raw = {};
  if (::fstatat(folder, path.c_str(), &raw, flags) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw look_fault("look at", shown, errno);
  }
  return Fs::Stat{.kind = kind_of(raw.st_mode),
                  .mode = raw.st_mode & permission_bits,
                  .uid = raw.st_uid,
                  .gid = raw.st_gid,
                  .size = raw.st_size,
                  .inode = static_cast<int64_t>(raw.st_ino),
                  .mtime_ns = raw.st_mtim.tv_sec * 1'000'000'000LL + raw.st_mtim.tv_nsec};
}

[[noreturn]] void too_large(const std::string& what, size_t max) {
  throw Error(Exit::refused, fmt::format("{} is larger than the limit of {} bytes", what, max));
}

std::string read_at(int folder, const std::string& name, int flags, size_t max, const std::string& path,
                    unsigned* mode) {
  const Fd file(
      retried([&] { return ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags); }));
  if (!file) throw look_fault("read", path, errno);
  struct stat raw = {};
  if (::fstat(file.get(), &raw) != 0) throw look_fault("read", path, errno);
  if (!S_ISREG(raw.st_mode)) {
    throw Error(Exit::refused,
                fmt::format("cannot read '{}': it is a {}, not a regular file", path, what_is(raw.st_mode)),
                fmt::format("look with ls -ld {0}, and put a regular file there, or nothing", path));
  }
  if (static_cast<size_t>(raw.st_size) > max) {
    throw Error(Exit::refused,
                fmt::format("'{}' has {} bytes, more than the limit of {} bytes", path, raw.st_size, max),
                fmt::format("look at what it is, head -c 300 {}, and make it smaller or move it away", path));
  }
  if (mode != nullptr) *mode = raw.st_mode & permission_bits;
  return read_all(file.get(), max, path);
}

std::optional<Fs::Stat> Fs::stat(const std::string& path) const {
  return stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, path);
}

std::optional<Fs::Stat> Fs::follow(const std::string& path) const { return stat_at(AT_FDCWD, path, 0, path); }

std::string Fs::read(const std::string& path, size_t max) const { return read_at(AT_FDCWD, path, 0, max, path); }

std::string Fs::read_stdin(size_t max) const {
  std::string content;
  char block[1 << 16];
  for (;;) {
    // Wait where a signal can end it; a read would be restarted.
    stop_if_interrupted();
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 100) <= 0) continue;
    const ssize_t got = retried([&] { return ::read(STDIN_FILENO, block, sizeof block); });
    if (got < 0) throw look_fault("read", "standard input", errno);
    if (got == 0) return content;
    content.append(block, static_cast<size_t>(got));
    if (content.size() > max) too_large("standard input", max);
  }
}

bool Fs::is_pipe(const std::string& path) const {
  struct stat raw = {};
  return ::stat(path.c_str(), &raw) == 0 && S_ISFIFO(raw.st_mode);
}

std::string Fs::read_pipe(const std::string& path, size_t max) const {
  const Fd pipe(retried([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); }));
  struct stat raw = {};
  struct statfs system = {};
  if (!pipe || ::fstat(pipe.get(), &raw) != 0 || ::fstatfs(pipe.get(), &system) != 0)
    throw look_fault("read", path, errno);
  if (!S_ISFIFO(raw.st_mode)) throw Error(Exit::refused, fmt::format("'{}' is no pipe any more", path));
  // one that has a name seems to be at its end until the first writer opens it
  bool begun = system.f_type == PIPEFS_MAGIC;
  std::string content;
  char block[1 << 16];
  for (;;) {
    stop_if_interrupted();
    pollfd input = {pipe.get(), POLLIN, 0};
    if (!begun && ::poll(&input, 1, 100) <= 0) continue;
    begun = true;
    const ssize_t got = retried([&] { return ::read(pipe.get(), block, sizeof block); });
    if (got == 0) return content;
    if (got < 0 && errno != EAGAIN) throw look_fault("read", path, errno);
    if (got < 0 && ::poll(&input, 1, 100) < 0) continue;
    if (got > 0) content.append(block, static_cast<size_t>(got));
    if (content.size() > max) too_large(fmt::format("'{}'", path), max);
  }
}

std::vector<Fs::Entry> Fs::list(const std::string& path) const {
  const Fd folder(retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!folder) throw look_fault("list", path, errno);
  std::vector<Entry> entries;
  for (const std::string& name : names_in(folder, path)) {
    const auto found = stat_at(folder.get(), name, AT_SYMLINK_NOFOLLOW, path + "/" + name);
    if (found) entries.push_back({name, found->kind});
  }
  return entries;
}

std::optional<std::string> Fs::find_program(const std::string& name, const std::string& path_list) const {
  const auto runs = [](const std::string& path) {
    struct stat raw = {};
    return ::stat(path.c_str(), &raw) == 0 && S_ISREG(raw.st_mode) &&
           ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
  };
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) {
    return runs(name) ? std::optional(absolute(name)) : std::nullopt;
  }
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = path_list.find(':', begin);
    const std::string folder = path_list.substr(begin, end == std::string::npos ? end : end - begin);
    // An empty or relative part would run what lies in the current folder.
    if (folder.starts_with('/') && runs(folder + "/" + name)) return absolute(folder + "/" + name);
  }
  return std::nullopt;
}

bool Fs::writable(const std::string& path) const { return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0; }

std::string Fs::absolute(const std::string& path) const {
  std::string whole = path;
  if (!path.starts_with('/')) {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) throw look_fault("find the current folder of", path, errno);
    whole = std::string(here) + "/" + path;
  }
  std::string result;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = whole.find('/', begin);
    const std::string part = whole.substr(begin, end == std::string::npos ? end : end - begin);
    if (part == "..") {
      result.resize(result.empty() ? 0 : result.rfind('/'));
    } else if (!part.empty() && part != ".") {
      result += "/" + part;
    }
  }
  return result.empty() ? "/" : result;
}

std::string Fs::resolved(const std::string& path) const {
  std::string head = absolute(path), tail;
  char real[PATH_MAX];
  while (::realpath(head.c_str(), real) == nullptr) {
    if (errno != ENOENT || head == "/") throw look_fault("look at", path, errno);
    const size_t slash = head.rfind('/');
    tail = head.substr(slash) + tail;
    head.resize(std::max<size_t>(slash, 1));
  }
  return tail.empty() ? real : std::string(real) == "/" ? tail : real + tail;
}

}  // namespace orctl
