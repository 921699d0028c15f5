#pragma once
#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/tree.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/lock.h"
#include "sys/trace.h"

/// What the parts of the World share: errno made into an Error, descriptors, names that are safe below a folder.
namespace orctl {

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(o.release()) {}
  Fd& operator=(Fd&& o) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  int close();  ///< 0 or the errno of close(2); written data may be lost then

 private:
  int fd_;
};

/// Repeats a call that returns -1 as long as a signal cuts it short.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

std::string errno_text(int error);
/// What to do about `error`; "" when there is nothing sensible to say.
std::string errno_hint(int error);
/// `doing` is an infinitive: "cannot <doing> '<path>': <strerror>", or "no rights to <doing> '<path>'".
Error look_fault(const std::string& doing, const std::string& path, int error);    ///< Exit::refused
Error change_fault(const std::string& doing, const std::string& path, int error);  ///< Exit::target

/// "'alice'", or "uid 1234" of a number that nobody has.
std::string user_name(uint32_t uid);

inline void say(const Trace& trace, const std::string& line) {
  if (trace) trace(line);
}

/// `path` split at its last slash, trailing slashes dropped: the folder that holds the name ("." or "/" included), and
/// the name.
struct PathParts {
  std::string folder, name;
};
PathParts path_parts(const std::string& path);

/// Opens a folder for *at calls and fsync; throws change_fault.
Fd open_folder(const std::string& path);
/// fsync of a folder; file systems that cannot do it (EINVAL) are taken as durable.
void sync_folder(const Fd& folder, const std::string& path);
void sync_folder(const std::string& path);

/// Why `name` may not be one component of a tree's path; nullptr when it may.
const char* name_fault(const std::string& name);
/// Exit::refused when a path of `tree` is unsafe, a file is also a folder, or it could not be read again
/// (kept_tree_limits). `what` begins the message.
void check_paths(const Tree& tree, const std::string& what);

/// The flock behind Fs::lock and Git::lock.
FileLock take_lock(const Root& root, const std::string& path, Millis wait, const std::string& subject);

}  // namespace orctl
