// Of Git (git.h): what is damaged.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rights.h"
#include "base/text.h"
#include "sys/fs.h"
#include "sys/git.h"
#include "sys/git2_handle.h"
#include "sys/git_pack.h"
#include "sys/interrupt.h"

/// What is damaged or missing in a store, and what can be put right there without knowing what an instance is.
namespace orctl {
namespace {

constexpr size_t max_head = 4096, max_config = size_t{1} << 20;

/// What is wrong with a file that git needs and we do not read; nullopt when nothing is.
std::optional<Git::Fault> file_fault(const std::string& store, const std::string& name, size_t max,
                                     const std::function<bool(const std::string&)>& sound) {
  Git::Fault fault{"file", name, "", store + "/" + name, "", "", ""};
  try {
    const auto text = read_store_file(fault.file, max);
    if (text && sound(*text)) return std::nullopt;
    fault.why = text ? "it is not what git writes there" : "it is missing";
    if (!text) fault.file.clear();
  } catch (const Damage& damage) {
    fault.why = damage.why;
  }
  return fault;
}

/// Walks from every ref to all that it needs; each file is read once.
class Checker {
 public:
  explicit Checker(const std::string& store) : store_(store), objects_(store) {}

  std::vector<Git::Fault> run() {
    check_objects();
    check_refs();
    for (const auto& [id, damage] : loose_)
      if (!told_.contains(id)) faults_.push_back({"object", id, damage.why, damage.file, "", "", ""});
    return std::move(faults_);
  }

 private:
  /// Every file below objects/, whether somebody needs it or not: git fsck names them all.
  void check_objects() {
    objects_.check_indexes([&](const Damage& damage) { tell_pack(damage); });
    objects_.each(
        [&](const std::string& id, const std::string& file) {
          try {
            if (file.ends_with(".pack")) {
              objects_.find(id);
            } else {
              ObjectReader::loose(file, id);
            }
          } catch (const Damage& damage) {
            if (!file.ends_with(".pack"))
              loose_[id] = {damage.why, file};
            else
              tell_pack({damage.why, file});
          }
        },
        [&](const Damage& damage) { tell_pack(damage); });
  }

  void tell_pack(const Damage& damage) {
    if (packs_.insert(damage.file).second)
      faults_.push_back({"pack", damage.file.substr(damage.file.rfind('/') + 1), damage.why, damage.file, "", "", ""});
  }

  void check_refs() {
    const Git git({}, store_);
    for (const Misplaced& one : misplaced(store_))
      if (one.told == Misplaced::Told::here && told_places_.insert(one.file).second)
        faults_.push_back({"file", one.file.substr(store_.size() + 1), one.why, one.file, "", "", ""});
    for (const char* name : {"objects", "refs"})
      if (!Fs({}).stat(store_ + "/" + name)) faults_.push_back({"file", name, "it is missing", "", "", "", ""});
    for (Git::Fault& fault : git.file_faults()) faults_.push_back(std::move(fault));
    for (const Git::Ref& ref : git.refs("refs/")) {
      if (ref.fault.empty() && !ref.id.empty()) {
        seen_.clear();  // what several need is told of each
        walk(ref.name, ref.id);
        continue;
      }
      const std::string file = store_ + "/" + ref.name;
      if (told_places_.contains(file)) continue;
      const std::string why = ref.fault.empty() ? "it leads to a ref that is not there" : ref.fault;
      faults_.push_back({"ref", ref.name, why, Fs({}).exists(file) ? file : "", ref.name, "", ""});
    }
  }

  void walk(const std::string& ref, const std::string& tip) {
    for (std::string id = tip; !id.empty();) {
      if (!seen_.insert(id).second) return;
      stop_if_interrupted();
      const auto object = look(ref, id, "", id, ObjectType::commit);
      if (!object) return;
      CommitText commit;
      try {
        commit = parse_commit(object->content);
      } catch (const Damage& damage) {
        return tell("commit", id, damage, ref, id, "");
      }
      walk_tree(ref, id, "", commit.tree, 0);
      // only merges made by hand have more
      for (size_t i = 1; i < commit.parents.size(); ++i) walk(ref, commit.parents[i]);
      id = commit.parents.empty() ? "" : commit.parents.front();
    }
  }

  void walk_tree(const std::string& ref, const std::string& commit, const std::string& place, const std::string& id,
                 size_t depth) {
    if (!seen_.insert(id).second) return;
    if (depth > 2 * kept_tree_limits.depth)
      return tell("tree", id, {"folders are nested too deep", ""}, ref, commit, place);
    const auto object = look(ref, commit, place, id, ObjectType::tree);
    if (!object) return;
    try {
      for (const TreeEntry& entry : parse_tree(object->content)) {
        const std::string inner = place.empty() ? entry.name : place + "/" + entry.name;
        if (entry.is_tree())
          walk_tree(ref, commit, inner, entry.id, depth + 1);
        else if (entry.mode != "160000" && seen_.insert(entry.id).second && !sound_.contains(entry.id) &&
                 look(ref, commit, inner, entry.id, ObjectType::blob))
          sound_.insert(entry.id);
      }
    } catch (const Damage& damage) {
      tell("tree", id, damage, ref, commit, place);
    }
  }

  std::optional<GitObject> look(const std::string& ref, const std::string& commit, const std::string& place,
                                const std::string& id, ObjectType type) {
    try {
      auto object = objects_.find(id);
      if (object && object->type == type) return object;
      const std::string why = object ? fmt::format("it is a {}", to_string(object->type)) : "it is missing";
      tell(to_string(type), id, {why, ""}, ref, commit, place);
    } catch (const Damage& damage) {
      tell(to_string(type), id, damage, ref, commit, place);
    }
    return std::nullopt;
  }

  void tell(const std::string& kind, const std::string& id, const Damage& damage, const std::string& ref,
            const std::string& commit, const std::string& place) {
    told_.insert(id);
    const auto loose = loose_.find(id);
    faults_.push_back({kind, id, damage.why, loose == loose_.end() ? "" : loose->second.file, ref, commit, place});
  }

  const std::string& store_;
  ObjectReader objects_;
  std::vector<Git::Fault> faults_;
  std::map<std::string, Damage> loose_;  ///< damaged loose files
  std::set<std::string> seen_, sound_, told_, told_places_, packs_;
};

/// Whether a tree is one of notes: all names in it are ids, or parts of them.
bool holds_notes(const std::vector<TreeEntry>& entries) {
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [](const TreeEntry& e) {
    return e.name.size() <= 40 && e.name.size() % 2 == 0 &&
           e.name.find_first_not_of("0123456789abcdef") == std::string::npos;
  });
}

/// All notes that can be read below a tree of notes, by the id of their commit.
void collect_notes(const ObjectReader& objects, const std::string& tree, const std::string& before,
                   std::map<std::string, std::string>& notes) {
  std::vector<TreeEntry> entries;
  try {
    const auto object = objects.find(tree);
    if (!object || object->type != ObjectType::tree) return;
    entries = parse_tree(object->content);
  } catch (const Damage&) {
    return;
  }
  if (!holds_notes(entries)) return;
  for (const TreeEntry& entry : entries) {
    const std::string id = before + entry.name;
    if (entry.is_tree() && id.size() < 40) collect_notes(objects, entry.id, id, notes);
    if (entry.is_tree() || id.size() != 40 || notes.contains(id)) continue;
    try {
      if (auto note = objects.find(entry.id); note && note->type == ObjectType::blob)
        notes[id] = std::move(note->content);
    } catch (const Damage&) {
      // that one is lost
    }
  }
}

}  // namespace

std::vector<Git::Fault> Git::file_faults() const {
  std::vector<Fault> out;
  if (store_state(path_) == StoreState::misplaced) {
    const std::string name = path_.substr(path_.rfind('/') + 1);
    out.push_back({"file", name, "it is no folder, and leads to none", path_, "", "", ""});
  }
  if (!exists()) return out;
  const auto add = [&](const std::optional<Fault>& fault) {
    if (fault) out.push_back(*fault);
  };
  add(file_fault(path_, "HEAD", max_head,
                 [](const std::string& text) { return text.starts_with("ref: refs/") || is_object_id(trim(text)); }));
  add(file_fault(path_, "config", max_config,
                 [](const std::string& text) { return text.find("[core]") != std::string::npos; }));
  const std::string file = path_ + "/packed-refs";
  try {
    for (const PackedRef& ref : packed_refs(path_))
      if (!ref.sound)
        out.push_back({"file", "packed-refs", fmt::format("line {} is no ref", ref.line), file, "", "", ""});
  } catch (const Damage& damage) {
    out.push_back({"file", "packed-refs", damage.why, file, "", "", ""});
  }
  return out;
}

std::vector<Git::Fault> Git::check() const {
  if (!exists()) return file_faults();
  return Checker(path_).run();
}

std::vector<std::string> Git::all_commits() const {
  std::vector<std::string> ids;
  const ObjectReader objects(path_);
  objects.each(
      [&](const std::string& id, const std::string&) {
        try {
          if (const auto found = objects.find(id); found && found->type == ObjectType::commit) ids.push_back(id);
        } catch (const Damage&) {
          // what cannot be read is not asked for
        }
      },
      [](const Damage&) {});
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<std::string> Git::all_blobs(size_t max, const std::function<bool(const std::string&)>& wanted) const {
  std::vector<std::string> out;
  std::set<std::string> seen;
  const ObjectReader objects(path_);
  objects.each(
      [&](const std::string& id, const std::string&) {
        if (!seen.insert(id).second) return;
        try {
          auto found = objects.find(id, max);
          if (found && found->type == ObjectType::blob && wanted(found->content))
            out.push_back(std::move(found->content));
        } catch (const Damage&) {
          // what cannot be read is not asked for
        }
      },
      [](const Damage&) {});
  return out;
}

void Git::heal_objects(const Tree& files, const std::set<std::string>& ids) {
  say(trace_, fmt::format("git write of {} files what is lost", files.size()));
  Fs fs = writer();
  ObjectWriter objects(fs, path_, &ids);
  objects.put_tree(files);
  objects.sync();
}

std::string Git::commit_again(const std::string& id, const std::string& parent) {
  say(trace_, fmt::format("git commit {} again", id));
  Fs fs = writer();
  ObjectWriter objects(fs, path_);
  CommitText commit = read_commit(objects.objects(), id, path_);
  commit.parents.clear();
  if (!parent.empty()) commit.parents.push_back(parent);
  std::string made = objects.put(ObjectType::commit, commit_text(commit));
  objects.sync();
  if (const auto text = made == id ? std::nullopt : note(id)) set_note(made, *text);
  return made;
}

void Git::move_aside(const std::string& file) {
  Fs fs = writer();
  if (!file.starts_with(path_ + "/") || !fs.exists(file)) return;
  std::string name = file.substr(path_.size() + 1);
  std::replace(name.begin(), name.end(), '/', '_');
  const std::string folder = path_ + "/orctl-aside";
  fs.make_folders(folder, rights::secret_folder);
  std::string place = folder + "/" + name;
  for (int n = 2; fs.exists(place); ++n) place = fmt::format("{}/{}.{}", folder, name, n);
  say(trace_, fmt::format("rename {} {}", file, place));
  fs.rename(file, place);
}

void Git::heal_pack(const std::string& file_of_pack) {
  Fs fs = writer();
  const std::string pack = file_of_pack.substr(0, file_of_pack.rfind('.')) + ".pack";
  {
    ObjectWriter objects(fs, path_);
    const ObjectReader reader(path_);
    reader.each(
        [&](const std::string& id, const std::string& file) {
          if (file != pack) return;
          try {
            if (const auto found = reader.find(id)) objects.put_loose(found->type, found->content);
          } catch (const Damage&) {
            // the others of the pack are saved
          }
        },
        [](const Damage&) {});
    // what its index does not tell
    PackFile(pack, PackFile::NoIndex{}).each_without_index(reader, kept_tree_limits.bytes, [&](const GitObject& found) {
      objects.put_loose(found.type, found.content);
    });
    objects.sync();
  }
  move_aside(pack.substr(0, pack.rfind('.')) + ".idx");
  move_aside(pack.substr(0, pack.rfind('.')) + ".pack");
}

void Git::heal_head() {
  for (const Fault& fault : file_faults()) {
    if (fault.what != "HEAD" && fault.what != "config") continue;
    move_aside(path_ + "/" + fault.what);
    Fs fs = writer();
    fs.write(path_ + "/" + fault.what,
             fault.what == "HEAD" ? "ref: refs/heads/main\n"
                                  : "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n");
  }
}

void Git::heal_notes() {
  const ObjectReader objects(path_);
  std::vector<std::pair<int64_t, std::string>> tips;  // newest first
  std::string tip;
  try {
    tip = ref(notes_ref).value_or("");
  } catch (const Error&) {
    // its commits are found all the same
  }
  if (!tip.empty()) tips.emplace_back(INT64_MAX, tip);
  for (const std::string& id : all_commits()) {
    const CommitText commit = read_commit(objects, id, path_);
    if (commit.message.starts_with("Notes ")) tips.emplace_back(commit.time(), id);
  }
  std::stable_sort(tips.begin(), tips.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::map<std::string, std::string> notes;
  for (const auto& [time, id] : tips) {
    try {
      collect_notes(objects, read_commit(objects, id, path_).tree, "", notes);
    } catch (const Error&) {
      // an older one may hold them
    }
  }
  move_aside(path_ + "/" + notes_ref);
  remove_ref(notes_ref);
  for (const auto& [commit, text] : notes) {
    try {
      if (const auto found = objects.find(commit); found && found->type == ObjectType::commit) set_note(commit, text);
    } catch (const Damage&) {
      // of a commit that is lost
    }
  }
}

}  // namespace orctl
