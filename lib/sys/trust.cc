#include "sys/trust.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <vector>

#include "base/text.h"
#include "sys/fault.h"
#include "sys/fs.h"

namespace orctl {
namespace {

constexpr int most_links = 40;  // as the kernel's own limit, path_resolution(7)

/// In a sticky folder on the way nobody can replace another's entry; a folder that is trusted as a whole is nobody
/// else's to add to.
enum class Sticky { excuses, does_not };

std::optional<Distrust> look_at(const std::string& path, const struct stat& raw, Sticky how) {
  if (raw.st_uid != 0 && raw.st_uid != ::geteuid())
    return Distrust{path, "belongs to " + user_name(raw.st_uid), "chown root: " + path};
  if (S_ISLNK(raw.st_mode)) return std::nullopt;
  const bool sticky = how == Sticky::excuses && S_ISDIR(raw.st_mode) && (raw.st_mode & S_ISVTX) != 0;
  if (sticky || (raw.st_mode & (S_IWGRP | S_IWOTH)) == 0) return std::nullopt;
  return Distrust{path, fmt::format("can be written by others (mode {:04o})", raw.st_mode & 07777),
                  "chmod go-w " + path};
}

std::string target_of(const std::string& link) {
  std::string target(4096, '\0');
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return target;
}

std::optional<Distrust> look_into(const std::string& folder) {
  const Fs fs({});
  struct stat top = {};
  if (::lstat(folder.c_str(), &top) != 0 || !S_ISDIR(top.st_mode)) return std::nullopt;
  if (auto found = look_at(folder, top, Sticky::does_not)) return found;
  for (const Fs::Entry& entry : fs.list(folder)) {
    const std::string path = folder + "/" + entry.name;
    struct stat raw = {};
    if (::lstat(path.c_str(), &raw) != 0) continue;
    if (!S_ISDIR(raw.st_mode)) {
      if (auto found = look_at(path, raw, Sticky::does_not)) return found;
      continue;
    }
    if (auto found = look_into(path)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Distrust> distrust(const std::string& path) {
  std::deque<std::string> left;
  const auto go_first = [&](const std::string& way) {
    const std::vector<std::string> names = split(way, '/');
    left.insert(left.begin(), names.begin(), names.end());
  };
  go_first(path);
  std::string here;  // "": the root of the file system
  for (int links = 0;;) {
    struct stat raw = {};
    if (::lstat(here.empty() ? "/" : here.c_str(), &raw) != 0) return std::nullopt;  // nothing there to be trusted
    if (auto found = look_at(here.empty() ? "/" : here, raw, Sticky::excuses)) return found;
    if (S_ISLNK(raw.st_mode)) {
      if (++links > most_links) return std::nullopt;  // whoever opens it is told so by the kernel
      const std::string target = target_of(here);
      go_first(target);
      here = target.starts_with("/") ? "" : here.substr(0, here.rfind('/'));
    }
    while (!left.empty() && (left.front().empty() || left.front() == ".")) left.pop_front();
    if (left.empty()) return std::nullopt;
    const std::string name = left.front();
    left.pop_front();
    here = name != ".." ? here + "/" + name : here.substr(0, here.empty() ? 0 : here.rfind('/'));
  }
}

std::optional<Distrust> distrust_tree(const std::string& folder) {
  auto found = distrust(folder);
  return found ? found : look_into(folder);
}

}  // namespace orctl
