// Of Fs (fs.h): what changes files.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <atomic>

#include "base/rights.h"
#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/trace.h"

namespace orctl {
namespace {

/// A name for what is to become `target` that no living process uses in `folder`: the pid is ours, and a dead one's
/// leftovers are stepped over.
std::string temp_name(const Fd& folder, const std::string& target) {
  static std::atomic<unsigned> next = 0;
  for (;;) {
    std::string name = fmt::format("{}{}.{}", temp_prefix(target), ::getpid(), next++);
    struct stat raw = {};
    if (::fstatat(folder.get(), name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) return name;
  }
}

/// A handle on what `path` names, for changing its mode or owner without following a symlink.
Fd open_node(const Root& root, const std::string& path, const std::string& doing) {
  Fd node = root.open(path, O_PATH | O_NOFOLLOW);
  struct stat raw = {};
  if (!node || ::fstat(node.get(), &raw) != 0) throw root.fault(doing, path, errno);
  if (S_ISLNK(raw.st_mode)) {
    throw Error(Exit::target, fmt::format("cannot {} '{}': it is a symlink", doing, path),
                "put a regular file or folder there and run the same command again");
  }
  refuse_second_name(raw, doing, path);
  return node;
}

}  // namespace

std::string temp_prefix(const std::string& target) {
  constexpr size_t most = 200;  // a name has at most 255 bytes
  return ".orctl-tmp." + target.substr(0, most) + ".";
}

Fs::Fs(Trace trace, const std::string& root) : trace_(std::move(trace)), root_(std::make_shared<Root>(root)) {}

Fs Fs::beneath(const std::string& folder) { return Fs(trace_, folder); }

void Fs::make_folders(const std::string& path, unsigned mode) {
  const std::string whole = absolute(path);
  each_prefix(whole, 0, [&](const std::string& part) {
    root_->arrive();
    if (root_->open(part, O_PATH | O_DIRECTORY)) return;
    if (errno != ENOENT) throw root_->fault("make folder", part, errno);
    say(trace_, "mkdir " + part);
    const PathParts place = path_parts(part);
    const Fd parent = root_->folder(place.folder, Trust::any);
    try {
      make_folder_at(parent, place.name, mode, {}, part);
    } catch (const Error&) {
      // Another process may have been faster.
      if (!root_->open(part, O_PATH | O_DIRECTORY)) throw;
    }
    sync_folder(parent, place.folder);
  });
}

void Fs::write(const std::string& path, const std::string& content, unsigned mode) {
  say(trace_, fmt::format("write {} ({} bytes)", path, content.size()));
  const PathParts place = path_parts(path);
  const Fd folder = root_->folder(place.folder, Trust::required);
  struct stat old = {};
  if (::fstatat(folder.get(), place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(old.st_mode)) {
    throw Error(Exit::target,
                fmt::format("cannot write '{}': it is a {}, not a regular file", path, what_is(old.st_mode)),
                "move it away and run the same command again");
  }
  const std::string temp = temp_name(folder, place.name);
  put_new_file(folder, temp, content, mode, {}, path);
  if (::renameat(folder.get(), temp.c_str(), folder.get(), place.name.c_str()) != 0) {
    const int error = errno;
    ::unlinkat(folder.get(), temp.c_str(), 0);
    throw change_fault("write", path, error);
  }
  sync_folder(folder, place.folder);
}

void Fs::create(const std::string& path, const std::string& content, unsigned mode) {
  const PathParts place = path_parts(path);
  put_new_file(root_->folder(place.folder, Trust::required), place.name, content, mode, {}, path);
}

void Fs::put(const std::string& path, const std::string& temp, const std::string& content, unsigned mode) {
  create(temp, content, mode);
  const PathParts source = path_parts(temp), target = path_parts(path);
  const Fd one = root_->folder(source.folder, Trust::required), two = root_->folder(target.folder, Trust::required);
  if (::renameat(one.get(), source.name.c_str(), two.get(), target.name.c_str()) == 0) return;
  const int error = errno;
  ::unlinkat(one.get(), source.name.c_str(), 0);
  throw change_fault("write", path, error);
}

void Fs::sync(const std::string& folder) { sync_folder(root_->folder(folder, Trust::any), folder); }

void Fs::append(const std::string& path, const std::string& line, unsigned mode) {
  say(trace_, fmt::format("append {} ({} bytes)", path, line.size()));
  const std::string whole = line.ends_with('\n') ? line : line + "\n";
  const PathParts place = path_parts(path);
  const Fd folder = root_->folder(place.folder, Trust::required);
  const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  const auto open_with = [&](int more) {
    return Fd(retried([&] { return ::openat(folder.get(), place.name.c_str(), flags | more, rights::secret_file); }));
  };
  Fd file = open_with(O_CREAT | O_EXCL);
  const bool created = static_cast<bool>(file);
  if (!created && errno == EEXIST) file = open_with(0);
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0) throw change_fault("append to", path, errno);
  if (!S_ISREG(raw.st_mode))
    throw Error(Exit::target,
                fmt::format("cannot append to '{}': it is a {}, not a regular file", path, what_is(raw.st_mode)),
                errno_hint(ENXIO));
  refuse_second_name(raw, "append to", path);
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

bool Fs::exchange(const std::string& a, const std::string& b) {
  say(trace_, fmt::format("exchange {} {}", a, b));
  const PathParts first = path_parts(a), second = path_parts(b);
  const Fd one = root_->folder(first.folder, Trust::required), two = root_->folder(second.folder, Trust::required);
  if (::renameat2(one.get(), first.name.c_str(), two.get(), second.name.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno == EINVAL || errno == ENOSYS) return false;
    if (errno == EXDEV)
      throw Error(Exit::target, fmt::format("cannot exchange '{}' and '{}': {}", a, b, errno_text(errno)),
                  "both must be on one file system, and neither a mount point of its own");
    throw change_fault(fmt::format("exchange '{}' and", a), b, errno);
  }
  sync_folder(one, first.folder);
  if (first.folder != second.folder) sync_folder(two, second.folder);
  return true;
}

void Fs::rename(const std::string& from, const std::string& to) {
  say(trace_, fmt::format("rename {} {}", from, to));
  const PathParts source = path_parts(from), target = path_parts(to);
  const Fd one = root_->folder(source.folder, Trust::required), two = root_->folder(target.folder, Trust::required);
  if (::renameat(one.get(), source.name.c_str(), two.get(), target.name.c_str()) != 0) {
    throw change_fault(fmt::format("rename '{}' to", from), to, errno);
  }
  sync_folder(two, target.folder);
  if (source.folder != target.folder) sync_folder(one, source.folder);
}

void Fs::remove(const std::string& path) {
  const PathParts place = path_parts(path);
  const Fd folder = root_->open(place.folder, O_RDONLY | O_DIRECTORY);
  if (!folder && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!folder) throw root_->fault("remove", path, errno);
  struct stat raw = {};
  if (::fstatat(folder.get(), place.name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw change_fault("remove", path, errno);
  }
  say(trace_, "remove " + path);
  remove_at(folder, place.name, path);
  sync_folder(folder, place.folder);
}

void Fs::chmod(const std::string& path, unsigned mode) {
  say(trace_, fmt::format("chmod {:04o} {}", mode, path));
  const Fd node = open_node(*root_, path, "chmod");
  // fchmod refuses an O_PATH handle, and a socket has no other; its name in /proc is the handle itself (proc(5)).
  if (::chmod(fmt::format("/proc/self/fd/{}", node.get()).c_str(), mode) != 0) {
    throw change_fault("chmod", path, errno);
  }
}

void Fs::chown(const std::string& path, const std::string& user) {
  say(trace_, fmt::format("chown {} {}", user, path));
  const Owner owner = owner_of_user(user, path);
  const Fd node = open_node(*root_, path, "chown");
  if (::fchownat(node.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0) {
    throw change_fault("chown", path, errno);
  }
}

namespace {

/// Gives a folder's content to its group; what is deeper than the limit of a tree is no store's.
void give_content(const Fd& folder, const std::string& path, gid_t group, int depth) {
  constexpr int most = 16;
  for (const std::string& name : names_in(folder, path)) {
    const std::string shown = path + "/" + name;
    const Fd node = open_beneath(folder, name, O_PATH | O_NOFOLLOW);
    struct stat raw = {};
    if (!node || ::fstat(node.get(), &raw) != 0) throw change_fault("look at", shown, errno);
    const bool is_folder = S_ISDIR(raw.st_mode);
    if ((!is_folder && !S_ISREG(raw.st_mode)) || depth > most) continue;
    if (::fchownat(node.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) != 0)
      throw change_fault("chown", shown, errno);
    const unsigned mode = (raw.st_mode & 0700) | (raw.st_mode & 0500) >> 3 | (is_folder ? S_ISGID : 0u);
    if (::chmod(fmt::format("/proc/self/fd/{}", node.get()).c_str(), mode) != 0)
      throw change_fault("chmod", shown, errno);
    if (is_folder) give_content(open_beneath(folder, name, O_RDONLY | O_DIRECTORY), shown, group, depth + 1);
  }
}

}  // namespace

void Fs::keep_private(const std::string& path, const std::string& group) {
  root_->arrive();
  const Fd node = root_->open(path, O_PATH | O_NOFOLLOW);
  struct stat raw = {};
  if (!node || ::fstat(node.get(), &raw) != 0) throw root_->fault("chmod", path, errno);
  const bool is_folder = S_ISDIR(raw.st_mode);
  const gid_t wanted_group = group.empty() ? raw.st_gid : owner_of({"", group}, path).gid;
  unsigned mode = is_folder ? rights::secret_folder : rights::secret_file;
  if (!group.empty()) mode |= is_folder ? 02050 : 0040;
  if (raw.st_gid != wanted_group) {
    say(trace_, fmt::format("chgrp {} {}", group, path));
    refuse_second_name(raw, "chgrp", path);
    if (is_folder) give_content(root_->folder(path, Trust::required), path, wanted_group, 0);
    if (::fchownat(node.get(), "", static_cast<uid_t>(-1), wanted_group, AT_EMPTY_PATH) != 0)
      throw change_fault("chown", path, errno);
  }
  if ((raw.st_mode & 07777) != mode) chmod(path, mode);
}

}  // namespace orctl
