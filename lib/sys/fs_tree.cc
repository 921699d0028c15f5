// Of Fs (fs.h): whole trees, written.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/rights.h"
#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/trace.h"

/// Whole trees: written, read, looked over.
namespace orctl {
namespace {

constexpr int top_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// The mode that Ownership::file_mode() made this one of.
unsigned mode_given(const Ownership& ownership, const std::string& path, const TreeFile& file) {
  for (const unsigned mode : {is_secret(path, file) ? rights::secret_file : rights::public_file, rights::program})
    if (ownership.file_mode(mode) == file.mode) return mode;
  return file.mode;
}

std::string name_of_user(uint32_t uid) {
  const passwd* found = ::getpwuid(uid);
  return found == nullptr ? std::to_string(uid) : found->pw_name;
}

std::string name_of_group(uint32_t gid) {
  const group* found = ::getgrgid(gid);
  return found == nullptr ? std::to_string(gid) : found->gr_name;
}

/// Looks at every file and folder of one tree.
class Inspector {
 public:
  Inspector(const std::string& dir, const Ownership& ownership, uint32_t parents_owner)
      : dir_(dir), ownership_(ownership), parents_owner_(parents_owner) {
    try {
      named_ = owner_of(ownership, dir);
    } catch (const Error&) {
      // whom nobody knows owns nothing: all of it is somebody else's
    }
  }

  std::vector<Misfit> run(const Fd& top) {
    if (const auto found = stat_at(top.get(), ".", 0, dir_)) compare(".", *found);
    look_below(top, "");
    return std::move(found_);
  }

 private:
  void look_below(const Fd& folder, const std::string& prefix) {
    for (const std::string& name : names_in(folder, dir_ + "/" + prefix)) {
      const std::string path = prefix + name;
      const auto found = stat_at(folder.get(), name, AT_SYMLINK_NOFOLLOW, dir_ + "/" + path);
      if (!found) continue;
      compare(path, *found);
      if (found->kind != Fs::Kind::folder) continue;
      const Fd inner = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
      if (!inner) throw look_fault("list", dir_ + "/" + path, errno);
      look_below(inner, path + "/");
    }
  }

  void compare(const std::string& path, const Fs::Stat& is) {
    const bool folder = is.kind == Fs::Kind::folder, group_matters = !ownership_.group.empty();
    const bool right_user =
        ownership_.user.empty() ? is.uid == parents_owner_ || is.uid == ::geteuid() : is.uid == named_.uid;
    if (!right_user || (group_matters && is.gid != named_.gid)) {
      const std::string wanted = ownership_.user.empty() ? name_of_user(parents_owner_) : ownership_.user;
      found_.push_back({path, folder, name_of_user(is.uid) + (group_matters ? ":" + name_of_group(is.gid) : ""),
                        wanted + (group_matters ? ":" + ownership_.group : ""), true});
    }
    if (folder && is.mode != ownership_.folder_mode)
      found_.push_back({path, folder, fmt::format("{:04o}", is.mode), fmt::format("{:04o}", ownership_.folder_mode)});
  }

  const std::string& dir_;
  const Ownership& ownership_;
  Owner named_;
  uint32_t parents_owner_;
  std::vector<Misfit> found_;
};

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

/// Writes one tree into its new folder.
class TreeWriter {
 public:
  TreeWriter(const std::string& dir, const Ownership& ownership, const Trace& trace)
      : dir_(dir), ownership_(ownership), owner_(owner_of(ownership, dir)), trace_(trace) {}

  void make_top(const Fd& parent, const std::string& name) {
    say(trace_, "mkdir " + dir_);
    make_folder_at(parent, name, ownership_.folder_mode, owner_, dir_);
  }

  void fill(const Fd& parent, const std::string& name, const Tree& tree) {
    top_ = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
    if (!top_) throw change_fault("open folder", dir_, errno);
    const std::set<std::string> folders = folders_of(tree);
    for (const std::string& folder : folders) {
      say(trace_, fmt::format("mkdir {}/{}", dir_, folder));
      const auto [above, last] = parts(folder);
      make_folder_at(open_below(above), last, ownership_.folder_mode, owner_, dir_ + "/" + folder);
    }
    for (const auto& [path, file] : tree) write(path, file);
    finish();
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
      sync_folder(open_below(*folder), dir_ + "/" + *folder);
    sync_folder(top_, dir_);
  }

 private:
  /// The first that is made durable takes most of the others along, so they are written before that.
  void write(const std::string& path, const TreeFile& file) {
    constexpr size_t most_open = 64;
    say(trace_, fmt::format("write {}/{} ({} bytes)", dir_, path, file.content.size()));
    const auto [folder, last] = parts(path);
    const std::string shown = dir_ + "/" + path;
    begun_.emplace_back(
        shown, begin_new_file(open_below(folder), last, file.content, ownership_.file_mode(file.mode), owner_, shown));
    if (begun_.size() == most_open) finish();
  }

  void finish() {
    for (auto& [shown, file] : begun_)
      if (const int error = finish_file(file)) throw change_fault("write", shown, error);
    begun_.clear();
  }

  static PathParts parts(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
  }

  Fd open_below(const std::string& folder) const {
    Fd fd = open_beneath(top_, folder, O_RDONLY | O_DIRECTORY);
    if (!fd) throw change_fault("open folder", dir_ + "/" + folder, errno);
    return fd;
  }

  const std::string& dir_;
  const Ownership& ownership_;
  const Owner owner_;
  const Trace& trace_;
  Fd top_;
  std::vector<std::pair<std::string, Fd>> begun_;  ///< that are not durable yet, by what they are called
};

}  // namespace

Tree Fs::read_tree(const std::string& dir, const Ownership& ownership) const {
  const Fd folder(retried([&] { return ::open(dir.c_str(), top_flags); }));
  if (!folder) {
    if (errno == ENOENT) return {};
    const int error = errno;
    const auto found = stat(dir);
    if (found && found->kind != Kind::folder) return {{".", {"", 0, irregular(found->kind, dir).what}}};
    throw look_fault("list", dir, error);
  }
  TreeReading how{dir, kept_tree_limits, kept_tree_limits.bytes, TreeReading::Hidden::read, {}};
  Tree strange;
  how.fault = [&](const Unread& one) {
    using Why = Unread::Why;
    if (one.why == Why::over_limit)
      strange["."] = {"", 0, "more than orctl reads: " + one.text};
    else if (one.why == Why::too_large)
      strange[one.path.substr(dir.size() + 1)] = {"", 0, "too large to be read"};
    else
      strange[one.path.substr(dir.size() + 1)] = {"", 0, one.what};
  };
  Tree tree = read_tree_at(folder, how);
  for (auto& [path, file] : tree) file.mode = mode_given(ownership, path, file);
  tree.merge(strange);
  return tree;
}

std::vector<Misfit> Fs::misfits(const std::string& dir, const Ownership& ownership) const {
  const auto above = stat(path_parts(dir).folder);
  const Fd top(retried([&] { return ::open(dir.c_str(), top_flags); }));
  if (!top || !above) return {};
  return Inspector(dir, ownership, above->uid).run(top);
}

std::string Fs::cannot_exchange(const std::string& dir) const {
  // statfs(2) and linux/magic.h; of these the kernel's own code answers EINVAL to RENAME_EXCHANGE (v6.18, fs/*/namei.c)
  static const std::map<unsigned long, const char*> without = {
      {0x6969, "nfs"},          {0xff534d42, "cifs"},  {0xfe534d42, "smb2"},  {0x01021997, "9p"},
      {0x2011bab0, "exfat"},    {0x7366746e, "ntfs3"}, {0x482b, "hfsplus"},   {0x3153464a, "jfs"},
      {0x52654973, "reiserfs"}, {0x00c36400, "ceph"},  {0x7461636f, "ocfs2"}, {0x3434, "nilfs2"},
      {0x137f, "minix"},        {0x138f, "minix"},     {0x2468, "minix"},     {0x2478, "minix"},
      {0x4d5a, "minix"},        {0x15013346, "udf"}};
  struct statfs room = {};
  if (::statfs(dir.c_str(), &room) != 0) return {};
  const auto found = without.find(static_cast<unsigned long>(room.f_type) & 0xffffffff);
  return found == without.end() ? "" : found->second;
}

void Fs::write_tree(const std::string& dir, const Tree& tree, const Ownership& ownership) {
  check_paths(tree, fmt::format("cannot write the tree '{}'", dir));
  const PathParts place = path_parts(dir);
  const Fd parent = root_->folder(place.folder, Trust::required);
  TreeWriter writer(dir, ownership, trace_);
  writer.make_top(parent, place.name);
  try {
    writer.fill(parent, place.name, tree);
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

}  // namespace orctl
