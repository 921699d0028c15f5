#include "manifest/find_manifests.h"

#include <fmt/format.h>

#include <algorithm>

#include "manifest/load.h"

namespace orctl {
namespace {

bool is_manifest_name(std::string_view name) { return name.ends_with(".toml") || name.ends_with(".json"); }

struct NamedFile {
  std::string folder, name;
};

NamedFile parts_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return {slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// Whether the caller hands something over by a pipe of this path. A pattern of the shell takes a manifest's name for
/// one, and whoever may write there would make orctl wait for him.
bool is_handed_over(const std::string& path, const World& world) {
  return !is_manifest_name(path) && world.fs.is_pipe(path);
}

/// What a path of the command line leads to; a file or folder, as nothing else is even opened.
Fs::Stat look_at(const std::string& path, const World& world) {
  const auto stat = usage_fault([&] { return world.fs.follow(path); });
  if (!stat)
    throw Error(Exit::absent, fmt::format("there is no file or folder '{}'", path),
                path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/")
                    ? "sudo closes what the shell opens so: hand it over on standard input, by the name -"
                    : "name an existing manifest, or a folder that holds some");
  if (stat->kind != Fs::Kind::file && stat->kind != Fs::Kind::folder)
    throw Error(Exit::usage,
                fmt::format("cannot read '{}': it is a {}, not a regular file", path,
                            stat->kind == Fs::Kind::socket ? "socket" : "special file"),
                "hand it over on standard input, by the name -");
  return *stat;
}

class Finder {
 public:
  Finder(Recurse recurse, const World& world, Diagnostics& found) : recurse_(recurse), world_(world), found_(found) {}

  void add(const std::string& path) {
    if (path == "-") return add_input(ManifestFile::Origin::input, path);
    if (is_handed_over(path, world_)) return add_input(ManifestFile::Origin::pipe, path);
    if (look_at(path, world_).kind == Fs::Kind::file) return add_named(path);
    // a pattern of the shell takes such a name for a manifest, and so who may write there would choose the folder
    if (is_manifest_name(path) && world_.fs.stat(path)->kind == Fs::Kind::symlink) return add_named(path);
    const auto folder = folder_at(path);
    if (!usage_fault([&] { return walk(folder, path, "", 0); }))
      throw Error(Exit::usage, fmt::format("the folder '{}' holds no manifests (*.toml, *.json)", path),
                  recurse_ == Recurse::no ? "look into its folders too with -R" : "see: orctl explain instance");
  }

  std::vector<ManifestFile> take() { return std::move(files_); }

 private:
  std::shared_ptr<const Folder> folder_at(const std::string& path) {
    // neighbours on a command line lie in one folder
    if (!last_ || path != last_path_) {
      last_ = usage_fault([&] { return std::make_shared<const Folder>(path); });
      last_path_ = path;
    }
    return last_;
  }

  void add_input(ManifestFile::Origin origin, const std::string& path) {
    for (const ManifestFile& one : files_)
      if (one.origin == origin && one.file == path) return;  // it can be read but once
    ManifestFile input{origin, path, nullptr, "", "", {}};
    try {
      input.folder = std::make_shared<const Folder>(".");
      input.place = input.folder->id();
    } catch (const Error&) {
      // it matters only to a manifest that has files
    }
    push(std::move(input));
  }

  void add_named(const std::string& path) {
    const NamedFile parts = parts_of(path);
    const auto folder = folder_at(parts.folder);
    // what lies beside a file of a mounted ConfigMap is a symlink, too: it is looked for where the file really is
    const auto target = usage_fault([&] { return folder->target("", parts.name); });
    if (target && !target->above.empty())
      return push({ManifestFile::Origin::named, path, folder, target->above, target->name, folder->id()});
    push({ManifestFile::Origin::named, path, folder, "", parts.name, folder->id()});
  }

  /// Whether the folder holds a manifest.
  bool walk(const std::shared_ptr<const Folder>& folder, const std::string& shown, const std::string& above,
            size_t depth) {
    if (depth > max_manifest_depth)
      throw Error(Exit::usage, fmt::format("'{}' lies more than {} folders deep", shown, max_manifest_depth),
                  "name that folder itself");
    std::vector<Fs::Entry> entries;
    const FileId place = folder->list(above, [&](const Fs::Entry& entry) {
      count_name(shown);
      if (is_manifest_name(entry.name) || recurse_ == Recurse::yes) entries.push_back(entry);
    });
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    bool some = false;
    const std::string here = shown.ends_with('/') ? shown : shown + "/";
    for (const Fs::Entry& entry : entries) {
      const std::string child = here + entry.name;
      const auto target =
          entry.kind == Fs::Kind::symlink ? folder->target(above, entry.name) : std::optional<Folder::Target>();
      if (target) {
        some = add_target(folder, *target, here, entry.name, {above, place}, depth) || some;
      } else if (entry.kind == Fs::Kind::folder) {
        some = (recurse_ == Recurse::yes && walk(folder, child, above + entry.name + "/", depth + 1)) || some;
      } else if (is_manifest_name(entry.name)) {
        push({ManifestFile::Origin::found, child, folder, above, entry.name, place});
        some = true;
      } else if (entry.kind == Fs::Kind::symlink) {
        warn_of_link(child);
      }
    }
    return some;
  }

  struct Listed {
    std::string above;
    FileId place;
  };

  /// What a symlink that may be followed leads to: by its own name where it lies beside the symlink, so that it is one
  /// file; a mounted one by the symlink's.
  bool add_target(const std::shared_ptr<const Folder>& folder, const Folder::Target& target, const std::string& here,
                  const std::string& name, const Listed& listed, size_t depth) {
    if (target.kind == Fs::Kind::folder)
      return recurse_ == Recurse::yes && walk(folder, here + name, target.above + target.name + "/", depth + 1);
    if (!is_manifest_name(name)) return false;
    const bool beside = target.above == listed.above;
    push({ManifestFile::Origin::found, here + (beside ? target.name : name), folder, target.above, target.name,
          listed.place});
    return true;
  }

  void count_name(const std::string& shown) {
    if (++names_ > max_names_looked_at)
      throw Error(Exit::usage,
                  fmt::format("'{}' and the folders before it hold more than {} names", shown, max_names_looked_at),
                  "keep manifests in a folder of their own");
  }

  /// Somebody may expect manifests there.
  void warn_of_link(const std::string& path) {
    try {
      const auto stat = world_.fs.follow(path);
      if (!stat || stat->kind != Fs::Kind::folder) return;
    } catch (const Error&) {
      return;  // whatever it leads to is not looked at
    }
    found_.push_back({Severity::warning,
                      "symlink",
                      path,
                      {},
                      "",
                      "this symlink to a folder is not followed",
                      "name the folder itself with another -f",
                      ""});
  }

  void push(ManifestFile file) {
    if (files_.size() == max_manifests)
      throw Error(Exit::usage, fmt::format("there are more than {} manifests", max_manifests),
                  "name fewer of them at a time");
    files_.push_back(std::move(file));
  }

  Recurse recurse_;
  const World& world_;
  Diagnostics& found_;
  std::vector<ManifestFile> files_;
  std::shared_ptr<const Folder> last_;
  std::string last_path_;
  size_t names_ = 0;
};

}  // namespace

std::vector<ManifestFile> find_manifests(const std::vector<std::string>& files, Recurse recurse, const World& world,
                                         Diagnostics& found) {
  Finder finder(recurse, world, found);
  for (const std::string& file : files) finder.add(file);
  return finder.take();
}

std::string read_named_file(const std::string& path, size_t max, const World& world) {
  if (is_handed_over(path, world)) return usage_fault([&] { return world.fs.read_pipe(path, max); });
  if (look_at(path, world).kind == Fs::Kind::folder)
    throw Error(Exit::usage, fmt::format("cannot read '{}': it is a folder, not a regular file", path), "name a file");
  const NamedFile parts = parts_of(path);
  auto got = usage_fault([&] { return Folder(parts.folder).read(parts.name, max, Folder::Link::inside); });
  if (const auto* unread = std::get_if<Unread>(&got)) throw unread->error(Exit::usage);
  return std::get<Folder::File>(std::move(got)).content;
}

}  // namespace orctl
