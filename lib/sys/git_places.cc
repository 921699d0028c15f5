// Of Git (git.h): its places on disk, mended.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sys/fs.h"
#include "sys/git_handle.h"

/// What lies in a store where git has something of another kind: a file for a folder, a folder or a FIFO for a file.
namespace orctl {
namespace {

using Kind = Fs::Kind;

const char* what_is_of(Kind kind) {
  switch (kind) {
    case Kind::file:
      return "file";
    case Kind::folder:
      return "folder";
    case Kind::symlink:
      return "symlink to nothing";
    case Kind::socket:
      return "socket";
    case Kind::other:
      return "special file";
  }
  return "thing";
}

class Places {
 public:
  explicit Places(const std::string& store) : store_(store) {}

  std::vector<Misplaced> run() {
    if (need_folder("objects")) look_at_objects();
    if (need_folder("refs")) {
      for (const char* name : {"refs/heads", "refs/tags", "refs/notes", "refs/orctl", "refs/orctl/applied"})
        need_folder(name);
      look_at_refs("refs", 0);
    }
    return std::move(found_);
  }

 private:
  std::optional<Kind> kind_of(const std::string& name) const {
    const auto real = Fs({}).follow(store_ + "/" + name);
    if (real) return real->kind;
    return Fs({}).stat(store_ + "/" + name) ? std::optional(Kind::symlink) : std::nullopt;
  }

  void tell(const std::string& name, Kind kind, const char* wanted, Misplaced::Told told) {
    const std::string file = store_ + "/" + name;
    if (std::any_of(found_.begin(), found_.end(), [&](const Misplaced& one) { return one.file == file; })) return;
    found_.push_back({file, fmt::format("it is a {}, not a {}", what_is_of(kind), wanted), told});
  }

  bool need_folder(const std::string& name) {
    const auto kind = kind_of(name);
    if (kind && *kind != Kind::folder) tell(name, *kind, "folder", Misplaced::Told::here);
    return kind == Kind::folder;
  }

  std::vector<std::string> names_in(const std::string& name) const {
    std::vector<std::string> names;
    for (const Fs::Entry& entry : Fs({}).list(store_ + "/" + name)) names.push_back(entry.name);
    return names;
  }

  void look_at_objects() {
    for (const std::string& fan : names_in("objects")) {
      const std::string folder = "objects/" + fan;
      const bool holds_objects = fan.size() == 2 && fan.find_first_not_of("0123456789abcdef") == std::string::npos;
      if ((!holds_objects && fan != "info" && fan != "pack") || !need_folder(folder)) continue;
      for (const std::string& name : names_in(folder)) {
        const auto kind = kind_of(folder + "/" + name);
        const bool is_object = holds_objects && is_object_id(fan + name);
        // a damaged object or pack is told as such, by whom it hits
        const bool told = is_object || name.ends_with(".idx") || name.ends_with(".pack");
        if (kind && *kind != Kind::file && (*kind != Kind::symlink || !told))
          tell(folder + "/" + name, *kind, "file", told ? Misplaced::Told::elsewhere : Misplaced::Told::here);
      }
    }
  }

  bool is_sound_ref(const std::string& name) const {
    try {
      return is_ref_name(name) && read_ref(store_, name).has_value();
    } catch (const Damage&) {
      return false;
    }
  }

  /// Whether `name` is the ref of one thing: of an Instance, whose name ends in a number, or of an object below the
  /// word of its kind, which holds none behind a "_".
  static bool is_of_one(const std::string& name) {
    for (const std::string_view top : {"refs/heads/", "refs/orctl/applied/"}) {
      if (!name.starts_with(top)) continue;
      const std::string id = name.substr(top.size()), word = id.substr(0, id.find('/'));
      const size_t tail = word.rfind('_') + 1;
      const bool instance = tail != 0 && tail < word.size() && word[tail] >= '0' && word[tail] <= '9';
      return std::count(id.begin(), id.end(), '/') == (instance ? 0 : 1);
    }
    return name == notes_ref;
  }

  /// A folder where one ref is to be, unless all in it are refs that somebody has made: an empty one is git's own way.
  bool stands_in_the_way(const std::string& name) const {
    if (!is_of_one(name)) return false;
    size_t refs = 0, sound = 0;
    each_ref_file(store_, name, [&](const std::string& inner) {
      ++refs;
      if (is_sound_ref(inner)) ++sound;
    });
    return name == notes_ref ? refs > 0 : sound < refs;
  }

  void look_at_refs(const std::string& parent, size_t depth) {
    if (depth > kept_tree_limits.depth) return;
    for (const Fs::Entry& entry : Fs({}).list(store_ + "/" + parent)) {
      const std::string name = parent + "/" + entry.name;
      if (entry.kind == Kind::folder && stands_in_the_way(name))
        tell(name, Kind::folder, "ref", Misplaced::Told::here);
      else if (entry.kind == Kind::folder)
        look_at_refs(name, depth + 1);
      else if (entry.kind != Kind::file && entry.kind != Kind::symlink)
        tell(name, entry.kind, "ref", Misplaced::Told::elsewhere);
    }
  }

  const std::string& store_;
  std::vector<Misplaced> found_;
};

}  // namespace

std::vector<Misplaced> misplaced(const std::string& store) { return Places(store).run(); }

}  // namespace orctl
