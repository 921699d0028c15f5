#pragma once
#include <string>

namespace orctl {

/// A new folder below $TMPDIR, or /tmp, that nobody else may enter; it goes, with all that is in it, when this does.
class ScratchFolder {
 public:
  /// Throws Error(Exit::target).
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace orctl
