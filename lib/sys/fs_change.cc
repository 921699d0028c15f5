#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <set>

#include "sys/fault.h"

namespace orctl {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// All of `content`; 0 or errno.
int write_fully(int fd, const std::string& content) {
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t put = retried([&] { return ::write(fd, content.data() + done, content.size() - done); });
    if (put < 0) return errno;
    if (put == 0) return EIO;
    done += static_cast<size_t>(put);
  }
  return 0;
}

/// Content and mode on disk, and `file` closed; 0 or errno.
int finish_file(Fd& file, const std::string& content, unsigned mode) {
  if (const int error = write_fully(file.get(), content)) return error;
  if (::fchmod(file.get(), mode) != 0) return errno;
  if (retried([&] { return ::fsync(file.get()); }) != 0) return errno;
  return file.close();
}

/// Makes the new file `name` in `folder`, durable but for its name; leaves nothing on failure. `shown` is for the
/// message.
void put_new_file(const Fd& folder, const std::string& name, const std::string& content, unsigned mode,
                  const std::string& shown) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Fd file(retried([&] { return ::openat(folder.get(), name.c_str(), flags, 0600); }));
  if (!file) throw change_fault("write", shown, errno);
  const int error = finish_file(file, content, mode);
  if (error == 0) return;
  ::unlinkat(folder.get(), name.c_str(), 0);
  throw change_fault("write", shown, error);
}

/// A name that no living process uses in `folder`: the pid is ours, and a dead one's leftovers are stepped over.
std::string temp_name(const Fd& folder) {
  static std::atomic<unsigned> next = 0;
  for (;;) {
    std::string name = fmt::format(".orctl-tmp.{}.{}", ::getpid(), next++);
    struct stat raw = {};
    if (::fstatat(folder.get(), name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) return name;
  }
}

void make_folder_at(const Fd& parent, const std::string& name, unsigned mode, const std::string& shown) {
  if (::mkdirat(parent.get(), name.c_str(), mode) != 0) throw change_fault("make folder", shown, errno);
  const Fd made(retried([&] { return ::openat(parent.get(), name.c_str(), folder_flags); }));
  // The umask must not decide what nginx's workers can read.
  if (!made || ::fchmod(made.get(), mode) != 0) throw change_fault("make folder", shown, errno);
}

void remove_at(const Fd& folder, const std::string& name, const std::string& shown) {
  if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw change_fault("remove", shown, errno);
  const int error = errno;
  const Fd inner(retried([&] { return ::openat(folder.get(), name.c_str(), folder_flags); }));
  if (!inner) throw change_fault("remove", shown, errno == ENOTDIR || errno == ELOOP ? error : errno);
  std::vector<std::string> names;
  const int copy = ::fcntl(inner.get(), F_DUPFD_CLOEXEC, 0);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) throw change_fault("list", shown, errno);
  while (const dirent* entry = ::readdir(stream)) names.emplace_back(entry->d_name);
  ::closedir(stream);
  for (const std::string& entry : names) {
    if (entry != "." && entry != "..") remove_at(inner, entry, shown + "/" + entry);
  }
  if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw change_fault("remove", shown, errno);
  }
}

/// A handle on what `path` names, for changing its mode or owner without following a symlink.
Fd open_node(const std::string& path, const std::string& doing) {
  Fd node(retried([&] { return ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat raw = {};
  if (!node || ::fstat(node.get(), &raw) != 0) throw change_fault(doing, path, errno);
  if (S_ISLNK(raw.st_mode)) {
    throw Error(Exit::target, fmt::format("cannot {} '{}': it is a symlink", doing, path),
                "put a regular file or folder there and run the same command again");
  }
  return node;
}

/// Every folder that the files of `tree` imply, parents first.
std::set<std::string> folders_of(const Tree& tree) {
  std::set<std::string> folders;
  for (const auto& [path, file] : tree) {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      folders.insert(path.substr(0, slash));
    }
  }
  return folders;
}

}  // namespace

void Fs::make_folders(const std::string& path, unsigned mode) {
  const std::string whole = absolute(path);
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = whole.find('/', slash + 1);
    const std::string part = whole.substr(0, slash);
    struct stat raw = {};
    if (::stat(part.c_str(), &raw) == 0) {
      if (S_ISDIR(raw.st_mode)) continue;
      throw change_fault("make folder", part, ENOTDIR);
    }
    if (errno != ENOENT) throw change_fault("make folder", part, errno);
    say(trace_, "mkdir " + part);
    const PathParts place = path_parts(part);
    const Fd parent = open_folder(place.folder);
    try {
      make_folder_at(parent, place.name, mode, part);
    } catch (const Error&) {
      // Another process may have been faster.
      if (::stat(part.c_str(), &raw) != 0 || !S_ISDIR(raw.st_mode)) throw;
    }
    sync_folder(parent, place.folder);
  }
}

void Fs::write(const std::string& path, const std::string& content, unsigned mode) {
  say(trace_, fmt::format("write {} ({} bytes)", path, content.size()));
  const PathParts place = path_parts(path);
  const Fd folder = open_folder(place.folder);
  const auto old = stat(path);
  if (old && old->kind != Kind::file) {
    const char* what = old->kind == Kind::symlink ? "symlink" : old->kind == Kind::folder ? "folder" : "special file";
    throw Error(Exit::target, fmt::format("cannot write '{}': it is a {}, not a regular file", path, what),
                "move it away and run the same command again");
  }
  const std::string temp = temp_name(folder);
  put_new_file(folder, temp, content, mode, path);
  if (::renameat(folder.get(), temp.c_str(), folder.get(), place.name.c_str()) != 0) {
    const int error = errno;
    ::unlinkat(folder.get(), temp.c_str(), 0);
    throw change_fault("write", path, error);
  }
  sync_folder(folder, place.folder);
}

void Fs::append(const std::string& path, const std::string& line, unsigned mode) {
  say(trace_, fmt::format("append {} ({} bytes)", path, line.size()));
  const std::string whole = line.ends_with('\n') ? line : line + "\n";
  const PathParts place = path_parts(path);
  const Fd folder = open_folder(place.folder);
  const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  const auto open_with = [&](int more) {
    return Fd(retried([&] { return ::openat(folder.get(), place.name.c_str(), flags | more, 0600); }));
  };
  Fd file = open_with(O_CREAT | O_EXCL);
  const bool created = static_cast<bool>(file);
  if (!created && errno == EEXIST) file = open_with(0);
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0) throw change_fault("append to", path, errno);
  if (!S_ISREG(raw.st_mode)) throw change_fault("append to", path, EINVAL);
  if (created && ::fchmod(file.get(), mode) != 0) throw change_fault("append to", path, errno);
  if (const int error = write_fully(file.get(), whole)) {
    // Half a line would spoil the next one too.
    const bool cut = ::ftruncate(file.get(), raw.st_size) == 0;
    throw change_fault(cut ? "append to" : "append a whole line to", path, error);
  }
  if (retried([&] { return ::fsync(file.get()); }) != 0) throw change_fault("append to", path, errno);
  if (const int error = file.close()) throw change_fault("append to", path, error);
  if (created) sync_folder(folder, place.folder);
}

void Fs::write_tree(const std::string& dir, const Tree& tree) {
  check_paths(tree, fmt::format("cannot write the tree '{}'", dir));
  const PathParts place = path_parts(dir);
  const Fd parent = open_folder(place.folder);
  say(trace_, "mkdir " + dir);
  make_folder_at(parent, place.name, 0755, dir);
  try {
    const Fd top(retried([&] { return ::openat(parent.get(), place.name.c_str(), folder_flags); }));
    if (!top) throw change_fault("open folder", dir, errno);
    const auto open_below = [&](const std::string& folder) {
      Fd fd(retried([&] { return ::openat(top.get(), folder.empty() ? "." : folder.c_str(), folder_flags); }));
      if (!fd) throw change_fault("open folder", dir + "/" + folder, errno);
      return fd;
    };
    const std::set<std::string> folders = folders_of(tree);
    for (const std::string& folder : folders) {
      say(trace_, fmt::format("mkdir {}/{}", dir, folder));
      make_folder_at(top, folder, 0755, dir + "/" + folder);
    }
    for (const auto& [path, file] : tree) {
      say(trace_, fmt::format("write {}/{} ({} bytes)", dir, path, file.content.size()));
      const size_t slash = path.rfind('/');
      const bool nested = slash != std::string::npos;
      put_new_file(open_below(nested ? path.substr(0, slash) : ""), nested ? path.substr(slash + 1) : path,
                   file.content, file.mode, dir + "/" + path);
    }
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
      sync_folder(open_below(*folder), dir + "/" + *folder);
    }
    sync_folder(top, dir);
    sync_folder(parent, place.folder);
  } catch (...) {
    try {
      remove_at(parent, place.name, dir);
    } catch (const Error&) {
      // What made the tree fail is what people need to know.
    }
    throw;
  }
}

void Fs::exchange(const std::string& a, const std::string& b) {
  say(trace_, fmt::format("exchange {} {}", a, b));
  const PathParts first = path_parts(a), second = path_parts(b);
  const Fd one = open_folder(first.folder), two = open_folder(second.folder);
  if (::renameat2(one.get(), first.name.c_str(), two.get(), second.name.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno == EINVAL || errno == ENOSYS || errno == EXDEV) {
      throw Error(
          Exit::target, fmt::format("cannot exchange '{}' and '{}' in one step: {}", a, b, errno_text(errno)),
          "both must be on one local file system that knows RENAME_EXCHANGE, such as ext4, xfs, btrfs or tmpfs");
    }
    throw change_fault(fmt::format("exchange '{}' and", a), b, errno);
  }
  sync_folder(one, first.folder);
  if (first.folder != second.folder) sync_folder(two, second.folder);
}

void Fs::rename(const std::string& from, const std::string& to) {
  say(trace_, fmt::format("rename {} {}", from, to));
  const PathParts source = path_parts(from), target = path_parts(to);
  const Fd one = open_folder(source.folder), two = open_folder(target.folder);
  if (::renameat(one.get(), source.name.c_str(), two.get(), target.name.c_str()) != 0) {
    throw change_fault(fmt::format("rename '{}' to", from), to, errno);
  }
  sync_folder(two, target.folder);
  if (source.folder != target.folder) sync_folder(one, source.folder);
}

void Fs::remove(const std::string& path) {
  if (!exists(path)) return;
  say(trace_, "remove " + path);
  const PathParts place = path_parts(path);
  const Fd folder = open_folder(place.folder);
  remove_at(folder, place.name, path);
  sync_folder(folder, place.folder);
}

void Fs::chmod(const std::string& path, unsigned mode) {
  say(trace_, fmt::format("chmod {:04o} {}", mode, path));
  const Fd node = open_node(path, "chmod");
  // fchmod refuses an O_PATH handle; its name in /proc does not (proc(5)).
  if (::chmod(fmt::format("/proc/self/fd/{}", node.get()).c_str(), mode) != 0) {
    throw change_fault("chmod", path, errno);
  }
}

void Fs::chown(const std::string& path, const std::string& user) {
  say(trace_, fmt::format("chown {} {}", user, path));
  passwd entry = {};
  passwd* found = nullptr;
  std::vector<char> buffer(1 << 14);
  ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    throw Error(Exit::target, fmt::format("cannot chown '{}': there is no user '{}'", path, user),
                fmt::format("make the user with: useradd --system {}", user));
  }
  const Fd node = open_node(path, "chown");
  if (::fchownat(node.get(), "", found->pw_uid, found->pw_gid, AT_EMPTY_PATH) != 0) {
    throw change_fault("chown", path, errno);
  }
}

}  // namespace orctl
