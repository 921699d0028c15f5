#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

namespace orctl {
namespace {

struct stat status_of(int fd, const std::string& path) {
  struct stat raw = {};
  if (::fstat(fd, &raw) != 0) throw look_fault("look at", path, errno);
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

std::optional<OpenFile> Fs::open(const std::string& path) const {
  // O_NONBLOCK keeps a FIFO from hanging us
  Fd file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) throw look_fault("read", path, errno);
  if (!S_ISREG(status_of(file.get(), path).st_mode))
    throw Error(Exit::refused, fmt::format("cannot read '{}': it is not a regular file", path));
  return OpenFile(file.release(), path);
}

}  // namespace orctl
