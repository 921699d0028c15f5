// Of fs_handle.h: regular files and whole trees, read by handle: what is looked at is what is read.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

/// Walks one tree from its handle.
class TreeReader {
 public:
  explicit TreeReader(const TreeReading& how) : how_(how) {}

  Tree run(const Fd& top) {
    read_below(top, "", 1);
    return std::move(tree_);
  }

 private:
  void read_below(const Fd& folder, const std::string& prefix, size_t depth) {
    for (const Fs::Entry& entry : entries_of(folder, prefix)) {
      if (full_) return;
      stop_if_interrupted();
      const std::string path = prefix + entry.name;
      const bool is_folder = entry.kind == Fs::Kind::folder;
      if (path.size() > how_.limits.path_bytes || (is_folder && depth >= how_.limits.depth)) {
        full(is_folder && path.size() <= how_.limits.path_bytes
                 ? fmt::format("'{}' lies {} folders deep, and {} are the most", shown(path), depth,
                               how_.limits.depth - 1)
                 : fmt::format("the path of '{}' has {} bytes, and {} are the most", shown(path), path.size(),
                               how_.limits.path_bytes));
      } else if (is_folder) {
        const Fd inner = open_beneath(folder, entry.name, O_RDONLY | O_DIRECTORY);
        if (inner)
          read_below(inner, path + "/", depth + 1);
        else
          not_open("list", path);
      } else {
        read_file(folder, entry, path);
      }
    }
  }

  /// Sorted, and counted as they come: a folder may hold more than fits into memory.
  std::vector<Fs::Entry> entries_of(const Fd& folder, const std::string& prefix) {
    struct Stop {};
    std::vector<Fs::Entry> entries;
    try {
      each_name(folder, shown(prefix), [&](const Fs::Entry& entry) {
        if (entry.name[0] == '.' && how_.hidden == TreeReading::Hidden::skipped) return;
        if (++entries_ > how_.limits.entries) throw Stop();
        entries.push_back(entry);
      });
    } catch (const Stop&) {
      full(fmt::format("'{}' has more than {} files and folders", how_.shown, how_.limits.entries));
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  void read_file(const Fd& folder, const Fs::Entry& entry, const std::string& path) {
    if (entry.kind == Fs::Kind::symlink) return symlink(path);
    if (entry.kind != Fs::Kind::file) return how_.fault(irregular(entry.kind, shown(path)));
    const Fd handle = open_beneath(folder, entry.name, read_flags);
    if (!handle) return not_open("read", path);
    TreeFile file;
    auto content = read_regular(handle, how_.max_file_bytes, shown(path), file.mode);
    if (auto* unread = std::get_if<Unread>(&content)) return how_.fault(std::move(*unread));
    file.content = std::get<std::string>(std::move(content));
    bytes_ += file.content.size();
    if (bytes_ > how_.limits.bytes)
      return full(fmt::format("the files of '{}' have more than {} bytes", how_.shown, how_.limits.bytes));
    tree_.emplace(path, std::move(file));
  }

  /// It was something else when the folder was listed, or there are no rights.
  void not_open(const char* doing, const std::string& path) {
    if (errno == ELOOP) return symlink(path);
    if (errno == ENXIO) return how_.fault(irregular(Fs::Kind::socket, shown(path)));
    if (errno != ENOENT && errno != ENOTDIR) throw look_fault(doing, shown(path), errno);
  }

  void symlink(const std::string& path) {
    how_.fault({Unread::Why::symlink, shown(path), fmt::format("'{}' is a symlink, and none is followed", shown(path)),
                "a tree holds regular files and folders only: put a copy of the file there", 0, "a symlink"});
  }

  void full(const std::string& text) {
    full_ = true;
    how_.fault({Unread::Why::over_limit, how_.shown, text, "", 0});
  }

  std::string shown(const std::string& path) const { return path.empty() ? how_.shown : how_.shown + "/" + path; }

  const TreeReading& how_;
  Tree tree_;
  size_t entries_ = 0, bytes_ = 0;
  bool full_ = false;
};

}  // namespace

const char* in_words(Fs::Kind kind) {
  return kind == Fs::Kind::symlink  ? "a symlink"
         : kind == Fs::Kind::file   ? "a file"
         : kind == Fs::Kind::folder ? "a folder"
         : kind == Fs::Kind::socket ? "a socket"
                                    : "a special file";
}

Unread irregular(Fs::Kind kind, const std::string& shown) {
  const char* what = in_words(kind);
  return {Unread::Why::irregular,
          shown,
          fmt::format("cannot read '{}': it is {}, not a regular file", shown, what),
          "",
          0,
          what};
}

std::variant<std::string, Unread> read_regular(const Fd& file, size_t max, const std::string& shown, unsigned& mode) {
  struct stat raw = {};
  if (::fstat(file.get(), &raw) != 0) throw look_fault("read", shown, errno);
  if (!S_ISREG(raw.st_mode)) return irregular(kind_of(raw.st_mode), shown);
  mode = raw.st_mode & 07777;
  const auto too_large = [&](int64_t size) {
    return Unread{Unread::Why::too_large, shown, fmt::format("'{}' is larger than the limit of {} bytes", shown, max),
                  "", size};
  };
  if (static_cast<size_t>(raw.st_size) > max) return too_large(raw.st_size);
  // one more than it has, so that its end is seen; it may grow meanwhile
  std::string content(std::min(static_cast<size_t>(raw.st_size), max) + 1, '\0');
  for (size_t have = 0;;) {
    const ssize_t got = retried([&] { return ::read(file.get(), content.data() + have, content.size() - have); });
    if (got < 0) throw look_fault("read", shown, errno);
    have += static_cast<size_t>(got);
    if (have > max) return too_large(static_cast<int64_t>(have));
    if (got == 0) {
      content.resize(have);
      return content;
    }
    if (have == content.size()) content.resize(std::min(have * 2, max + 1));
  }
}

Tree read_tree_at(const Fd& top, const TreeReading& how) { return TreeReader(how).run(top); }

}  // namespace orctl
