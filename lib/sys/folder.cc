#include "sys/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr int place_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;

/// Folders that keep their handle: a command line may name more than a process may have files open.
constexpr int most_held = 256;
std::atomic<int> held = 0;

Fd open_place(const std::string& path) {
  Fd fd(retried([&] { return ::open(path.c_str(), place_flags); }));
  if (!fd) throw look_fault("look at", path, errno);
  return fd;
}

FileId id_of(const Fd& fd, const std::string& shown) {
  struct stat raw = {};
  if (::fstat(fd.get(), &raw) != 0) throw look_fault("look at", shown, errno);
  return {raw.st_dev, raw.st_ino};
}

}  // namespace

Folder::Folder(std::string path) : path_(std::move(path)) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  Fd fd = open_place(path_);
  id_ = id_of(fd, path_);
  if (++held <= most_held)
    handle_ = std::move(fd);
  else
    --held;
}

Folder::~Folder() {
  if (handle_) --held;
}

std::string Folder::shown(const std::string& below) const {
  if (below.empty()) return path_;
  return path_ == "." ? below : path_.ends_with('/') ? path_ + below : path_ + "/" + below;
}

const Fd& Folder::handle(Fd& again) const {
  if (handle_) return handle_;
  again = open_place(path_);
  if (id_of(again, path_) != id_)
    throw Error(Exit::refused, fmt::format("'{}' was exchanged for another folder while it was read", path_),
                "run the same command again");
  return again;
}

Unread Folder::fault(const Fd& base, const std::string& below, int error, Link link) const {
  if (error == ELOOP || error == EXDEV) {
    const std::string name = first_symlink(base, below).value_or(below);
    Unread out{Unread::Why::symlink, shown(name), "", "", 0};
    if (link == Link::inside && name == below) {
      out.text = fmt::format("'{}' is a symlink that leads out of its folder", out.path);
      out.hint = "name the file that it leads to, or hand it over on standard input: -f -";
    } else {
      out.text = fmt::format("'{}' is a symlink, and orctl follows none below a folder of manifests", out.path);
      out.hint = "put the file or folder itself there: cp -rL --remove-destination makes a copy";
    }
    return out;
  }
  if (error == ENOENT || error == ENOTDIR)
    return {Unread::Why::absent, shown(below), fmt::format("there is no '{}'", shown(below)), "", 0};
  if (error == ENXIO) return irregular(Fs::Kind::socket, shown(below));
  throw look_fault("read", shown(below), error);
}

std::variant<Folder::File, Unread> Folder::read(const std::string& below, size_t max, Link link) const {
  stop_if_interrupted();
  Fd again;
  const Fd& base = handle(again);
  const bool inside = link == Link::inside;
  const Fd file = open_beneath(base, below, inside ? read_flags & ~O_NOFOLLOW : read_flags, 0,
                               inside ? Links::inside : Links::none);
  if (!file) return fault(base, below, errno, link);
  unsigned mode = 0;
  auto content = read_regular(file, max, shown(below), mode);
  if (auto* unread = std::get_if<Unread>(&content)) return std::move(*unread);
  return File{std::get<std::string>(std::move(content)), id_of(file, shown(below))};
}

FileId Folder::list(const std::string& below, const std::function<void(const Fs::Entry&)>& each) const {
  Fd again;
  const Fd& base = handle(again);
  const Fd folder = open_beneath(base, below.empty() ? "." : below, O_RDONLY | O_DIRECTORY);
  if (!folder && errno == ELOOP) throw fault(base, below, errno, Link::refused).error(Exit::refused);
  if (!folder) throw look_fault("list", shown(below), errno);
  each_name(folder, shown(below), [&](const Fs::Entry& entry) {
    if (entry.name[0] != '.') each(entry);
  });
  return id_of(folder, shown(below));
}

namespace {

constexpr std::string_view mount_link = "..data";

/// What the symlink `below` says; nullopt where there is none.
std::optional<std::string> link_text(const Fd& base, const std::string& below) {
  const Fd link = open_beneath(base, below, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  char text[PATH_MAX];
  const ssize_t size = link ? ::readlinkat(link.get(), "", text, sizeof text) : -1;
  if (size <= 0 || size == static_cast<ssize_t>(sizeof text)) return std::nullopt;
  return std::string(text, static_cast<size_t>(size));
}

/// A name of one folder that is neither hidden nor leads elsewhere.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string_view::npos;
}

}  // namespace

std::optional<Folder::Target> Folder::target(const std::string& above, const std::string& name) const {
  Fd again;
  const Fd& base = handle(again);
  const auto text = link_text(base, above + name);
  if (!text) return std::nullopt;
  Target out{above, *text};
  if (text->starts_with(std::string(mount_link) + "/")) {
    const auto mounted = link_text(base, above + std::string(mount_link));
    if (!mounted || !mounted->starts_with("..") || mounted->size() < 3 || mounted->find('/') != std::string::npos)
      return std::nullopt;
    out = {above + *mounted + "/", text->substr(mount_link.size() + 1)};
  }
  if (!is_plain_name(out.name)) return std::nullopt;
  const Fd there = open_beneath(base, out.above + out.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat raw = {};
  if (!there || ::fstat(there.get(), &raw) != 0) return std::nullopt;
  out.kind = kind_of(raw.st_mode);
  // a folder beside it is walked by its own name
  if (out.kind == Fs::Kind::folder && out.above == above) return std::nullopt;
  return out;
}

Tree Folder::tree(const std::string& below, const TreeLimits& limits, size_t max_file_bytes,
                  std::vector<Unread>& unread) const {
  Fd again;
  const Fd& base = handle(again);
  const Fd folder = open_beneath(base, below, O_RDONLY | O_DIRECTORY);
  if (!folder && errno == EACCES) throw look_fault("list", shown(below), errno);
  if (!folder) {
    unread.push_back(fault(base, below, errno, Link::refused));
    return {};
  }
  TreeReading how{shown(below), limits, max_file_bytes, TreeReading::Hidden::skipped, {}};
  how.fault = [&](Unread one) { unread.push_back(std::move(one)); };
  return read_tree_at(folder, how);
}

}  // namespace orctl
