#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace orctl {

/// A regular file that is read on while it is renamed, replaced or cut.
class OpenFile {
 public:
  explicit OpenFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  OpenFile(OpenFile&& o) noexcept : fd_(std::exchange(o.fd_, -1)), path_(std::move(o.path_)) {}
  OpenFile& operator=(OpenFile&& o) noexcept;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  int64_t inode() const;
  int64_t size() const;
  /// The bytes from `offset` on, at most `max`; "" at the end.
  std::string read(int64_t offset, size_t max) const;

 private:
  int fd_ = -1;
  std::string path_;
};

}  // namespace orctl
