#include "sys/lock.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "base/rights.h"
#include "base/text.h"
#include "sys/beneath.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/fs.h"
#include "sys/interrupt.h"
#include "sys/proc.h"

namespace orctl {

FileLock& FileLock::operator=(FileLock&& o) noexcept {
  std::swap(fd_, o.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  if (::ftruncate(fd_, 0) != 0) {
    // nobody believes the text of a lock that is free
  }
  ::close(fd_);
}

namespace {

constexpr size_t longest_command = 200, longest_text = 4096;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : printable_line(text)) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + '"';
}

/// The value of `key` in a line that introduce() wrote; "" when it is not there, or torn.
std::string member(const std::string& line, const std::string& key) {
  size_t at = line.find('"' + key + "\":");
  if (at == std::string::npos) return {};
  at += key.size() + 3;
  if (at < line.size() && line[at] != '"') return line.substr(at, line.find_first_not_of("0123456789", at) - at);
  std::string value;
  for (++at; at < line.size() && line[at] != '"'; ++at)
    value += line[at] == '\\' && at + 1 < line.size() ? line[++at] : line[at];
  return at < line.size() ? value : "";
}

struct flock whole_file() {
  struct flock range = {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

/// Writes who has taken the lock and what for. It is a courtesy, so nothing fails for it; that the text is the holder's
/// is told by a second lock of the kernel, which ends with the holder, too.
void introduce(int fd) {
  std::string command = Proc({}).command_line(::getpid());
  const size_t blank = std::min(command.find(' '), command.size()), slash = command.rfind('/', blank);
  if (slash != std::string::npos) command.erase(0, slash + 1);
  if (command.size() > longest_command) command = command.substr(0, longest_command) + " …";
  const std::string line =
      fmt::format("{{\"pid\":{},\"user\":{},\"command\":{},\"since\":\"{:%Y-%m-%dT%H:%M:%S}Z\"}}\n", ::getpid(),
                  quoted(Env().user()), quoted(command), fmt::gmtime(static_cast<std::time_t>(Clock().now())));
  struct flock text = whole_file();
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size()))
    ::fcntl(fd, F_OFD_SETLK, &text);
}

/// Pid of who holds the flock on `inode` by the kernel's own table; 0 when it does not tell (another pid namespace).
int kernels_word(ino_t inode) {
  std::ifstream table("/proc/locks");
  for (std::string line; std::getline(table, line);) {
    // "1: FLOCK  ADVISORY  WRITE 4711 08:01:131075 0 EOF"; waiters have "->" after the number (proc(5)).
    int pid = 0;
    unsigned long found = 0;
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %*x:%*x:%lu", &pid, &found) != 2) continue;
    if (found == inode && pid > 0) return pid;
  }
  return 0;
}

/// Who holds the lock, since when and what for. A text whose second lock is free was left by the dead.
Error held(int fd, ino_t inode, const std::string& path, const std::string& subject) {
  struct flock text = whole_file();
  const bool introduced = ::fcntl(fd, F_OFD_GETLK, &text) == 0 && text.l_type != F_UNLCK;
  char block[longest_text];
  const ssize_t got = introduced ? retried([&] { return ::pread(fd, block, sizeof block, 0); }) : 0;
  const std::string line(block, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  const std::string user = member(line, "user"), since = member(line, "since"), command = member(line, "command");
  const int pid = kernels_word(inode);
  std::string who;
  if (!user.empty() && !since.empty())
    who = fmt::format(
        "{} since {} for `{}` ({})", user, since, command,
        pid != 0 ? fmt::format("pid {}", pid) : fmt::format("pid {} of another pid namespace", member(line, "pid")));
  else if (pid != 0)
    who = fmt::format("pid {} ({})", pid, Proc({}).command_line(pid));
  else
    who = "a process that is not to be seen from here";
  return Error(Exit::conflict, fmt::format("{} is held by {}", subject, who),
               fmt::format("wait for it to end, for longer with --lock-timeout; if it hangs, {}. The lock '{}' is "
                           "freed with its holder",
                           pid != 0 ? fmt::format("end it: kill {}", pid) : "end it where it runs", path));
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
  Fd file(retried([&] { return ::openat(folder.get(), place.name.c_str(), flags, rights::secret_file); }));
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0) throw root.fault("lock", path, errno);
  refuse_second_name(raw, "lock", path);
  return file;
}

/// Who has waited longest tries most often, so that nobody is passed over for long.
Millis next_try(Millis waited) { return std::max(Millis(20) - waited / 100, Millis(1)); }

}  // namespace

FileLock take_lock(const Root& root, const std::string& path, Millis wait, const std::string& subject) {
  const Deadline deadline = Deadline::in(wait);
  for (;;) {
    Fd file = open_lock(root, path);
    ino_t inode = 0;
    for (;;) {
      stop_if_interrupted();
      if (retried([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) {
        if (!still_there(file.get(), path, inode)) break;
        introduce(file.get());
        return FileLock(file.release());
      }
      if (errno != EWOULDBLOCK) throw change_fault("lock", path, errno);
      if (!still_there(file.get(), path, inode)) break;
      if (deadline.passed()) throw held(file.get(), inode, path, subject);
      Clock().pause(std::min(deadline.left(), next_try(wait - deadline.left())));
    }
  }
}

bool Fs::is_locked(const std::string& path) const {
  Fd file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK); }));
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0 || !S_ISREG(raw.st_mode)) return false;
  struct flock text = whole_file();  // its holder keeps this one, too, and it is seen from every pid namespace
  const bool introduced = ::fcntl(file.get(), F_OFD_GETLK, &text) == 0 && text.l_type != F_UNLCK;
  return introduced || kernels_word(raw.st_ino) != 0;
}

FileLock Fs::lock(const std::string& path, Millis wait, const std::string& subject) {
  say(trace_, "lock " + path);
  return take_lock(*root_, path, wait, subject);
}

}  // namespace orctl
