#include "sys/open_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/beneath.h"
#include "sys/fs.h"

namespace orctl {
namespace {

struct stat status_of(int fd, const std::string& path) {
  struct stat raw = {};
  if (::fstat(fd, &raw) != 0) throw look_fault("look at", path, errno);
  return raw;
}

struct stat kind_only(mode_t mode) {
  struct stat raw = {};
  raw.st_mode = mode;
  return raw;
}

}  // namespace

OpenFile& OpenFile::operator=(OpenFile&& o) noexcept {
  std::swap(fd_, o.fd_);
  std::swap(path_, o.path_);
  return *this;
}

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

int64_t OpenFile::inode() const { return static_cast<int64_t>(status_of(fd_, path_).st_ino); }
int64_t OpenFile::size() const { return status_of(fd_, path_).st_size; }

std::string OpenFile::read(int64_t offset, size_t max) const {
  std::string block(max, '\0');
  const ssize_t got = retried([&] { return ::pread(fd_, block.data(), max, static_cast<off_t>(offset)); });
  if (got < 0) throw look_fault("read", path_, errno);
  block.resize(static_cast<size_t>(got));
  return block;
}

/// O_PATH opens nothing yet: a device or a FIFO notices nothing of it, and what was looked at is what is read
/// afterwards.
std::optional<OpenFile> Fs::open(const std::string& path) const {
  const Fd node = root_->open(path, O_PATH | O_NOFOLLOW);
  if (!node && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!node && errno != ELOOP) throw look_fault("read", path, errno);
  const struct stat raw = node ? status_of(node.get(), path) : kind_only(S_IFLNK);
  if (!S_ISREG(raw.st_mode))
    throw Error(
        Exit::refused,
        fmt::format("cannot read '{}': {}", path,
                    S_ISLNK(raw.st_mode) ? "it is a symlink, or on a way through one" : "it is not a regular file"),
        "whoever may write in its folder has put it there: look with ls -l, and remove it");
  refuse_second_name(raw, "read", path);
  Fd file(retried([&] { return ::open(fmt::format("/proc/self/fd/{}", node.get()).c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) throw look_fault("read", path, errno);
  return OpenFile(file.release(), path);
}

std::string Fs::read_from(const std::string& path, int64_t offset, size_t max) const {
  const auto file = open(path);
  std::string content;
  while (file && content.size() < max) {
    const std::string block = file->read(offset + static_cast<int64_t>(content.size()), max - content.size());
    if (block.empty()) break;
    content += block;
  }
  return content;
}

}  // namespace orctl
