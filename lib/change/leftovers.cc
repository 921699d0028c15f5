#include "change/leftovers.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/layout.h"
#include "base/text.h"
#include "change/confirm.h"
#include "host/systemd.h"
#include "kind/kind.h"
#include "model/name.h"
#include "render/render.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

constexpr const char* password_file = "/etc/passwd";
constexpr const char* of_tree[] = {".orctl-stage.", ".orctl-aside."};
constexpr size_t most_nested = 4;  // folders that a layout may put between the root of all trees and one

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Of an object whose spec cannot be read.
std::string object_folder_of(const std::string& id) {
  const IdParts parts = parts_of_id(id);
  const Kind* kind = find_kind_by_word(parts.word);
  return kind == nullptr ? "" : object_folder(*kind, parts.name);
}

std::vector<Fs::Entry> entries(const World& world, const std::string& folder) {
  return world.fs.exists(folder) ? world.fs.list(folder) : std::vector<Fs::Entry>();
}

/// Units that are there for the time of one run.
std::vector<std::string> short_units(const std::string& name, const Layout& layout) {
  return {layout.check_unit_name(name), layout.confirm_trial_name(name)};
}

/// Files that are replaced by Fs::write() and are the instance's alone.
std::vector<std::string> written_files(const std::string& name, const World& world) {
  std::vector<std::string> files = {world.layout.confirm(name), world.layout.unit(name),
                                    world.layout.confirm_unit(name) + ".service",
                                    world.layout.confirm_unit(name) + ".timer"};
  if (world.git.exists())
    for (const std::string& ref : {branch_of(name), applied_ref(name)}) files.push_back(world.git.path() + "/" + ref);
  if (world.supervision == Supervision::systemd)
    for (const std::string& unit : short_units(name, world.layout)) files.push_back(systemd::confined_file(unit));
  return files;
}

/// What belongs to a wait for a confirmation, besides its record.
std::vector<std::string> parts_of_wait(const std::string& name, const Layout& layout) {
  return {layout.confirm_keys(name), layout.confirm_unit(name) + ".service", layout.confirm_unit(name) + ".timer"};
}

/// Whether the process that made `entry`, "PREFIX" + pid + "." + number, is no more.
bool is_of_dead(const std::string& entry, const std::string& prefix, const World& world) {
  const auto pid = parse_number(split(entry.substr(prefix.size()), '.').front(), 1 << 30);
  return pid && !world.proc.alive(static_cast<int>(*pid));
}

std::vector<std::string> temporaries(const std::string& name, const World& world) {
  std::vector<std::string> found;
  for (const std::string& file : written_files(name, world))
    for (const Fs::Entry& entry : entries(world, folder_of(file)))
      if (entry.name.starts_with(temp_prefix(name_of(file)))) found.push_back(folder_of(file) + "/" + entry.name);
  if (!world.git.exists()) return found;
  // the notes of all instances are one file: another may be writing it
  const std::string notes = world.git.path() + "/refs/notes", prefix = temp_prefix("orctl");
  for (const Fs::Entry& entry : entries(world, notes))
    if (entry.name.starts_with(prefix) && is_of_dead(entry.name, prefix, world))
      found.push_back(notes + "/" + entry.name);
  return found;
}

/// Collects what the store does not know.
class Search {
 public:
  Search(const World& world) : world_(world) {
    for (const std::string& name : present_ids(world)) {
      const std::string folder = folder_of_tree(name);
      live_.insert(name);
      trees_.insert(world.layout.tree(folder));
      for (const std::string& path : leftovers(name, folder, world)) add(path, name);
    }
  }

  std::vector<Leftover> run() {
    look_at_trees(world_.layout.trees(), 0);
    for (const Kind& kind : kinds())
      if (kind.lives == Kind::Lives::in_files) look_at_objects(kind);
    for (const auto& one : {&Layout::run, &Layout::state, &Layout::logs}) {
      const std::string parent = folder_of((world_.layout.*one)("x"));
      for (const Fs::Entry& entry : entries(world_, parent)) add_of_gone(parent + "/" + entry.name, entry.name);
    }
    for (const Fs::Entry& entry : entries(world_, folder_of(world_.layout.confirm("x"))))
      add_named(folder_of(world_.layout.confirm("x")), entry.name, "", {".json", ".keys", ".trial"});
    look_at_units(folder_of(world_.layout.unit("x")));
    if (world_.supervision == Supervision::systemd) {
      look_at_units(folder_of(systemd::confined_file("x")));
      look_at_users();
    }
    std::vector<Leftover> out;
    for (const auto& [path, name] : found_) out.push_back({path, name});
    return out;
  }

 private:
  /// By what the tree says itself where the store cannot tell it: what else was left is told all the same.
  std::string folder_of_tree(const std::string& name) const {
    try {
      const auto applied = applied_revision(world_, name);
      return applied ? tree_folder(load_manifest(world_, name, applied->commit)->spec) : name;
    } catch (const Error&) {
      stop_if_interrupted();
      if (!can_be_instance(name)) return object_folder_of(name);
      const std::string own = find_own_tree(name, world_);
      return own.empty() ? name : own.substr(world_.layout.trees().size() + 1);
    }
  }

  void add(const std::string& path, const std::string& name) { found_.emplace(path, name); }
  void add_of_gone(const std::string& path, const std::string& name) {
    if (!live_.contains(name)) add(path, check_name(name).name ? name : "");
  }

  /// An entry called PREFIX + instance + one of `ends`, or a temporary file that no instance of here would make.
  void add_named(const std::string& folder, const std::string& entry, const std::string& prefix,
                 const std::vector<std::string>& ends) {
    if (entry.starts_with(temp_prefix("").substr(0, temp_prefix("").size() - 1))) return add(folder + "/" + entry, "");
    if (!entry.starts_with(prefix)) return;
    for (const std::string& end : ends)
      if (entry.ends_with(end) && entry.size() > prefix.size() + end.size())
        return add_of_gone(folder + "/" + entry,
                           entry.substr(prefix.size(), entry.size() - prefix.size() - end.size()));
  }

  void look_at_units(const std::string& folder) {
    for (const Fs::Entry& entry : entries(world_, folder))
      add_named(folder, entry.name, "openresty-",
                {"-check.service", "-confirm-trial.service", "-confirm.service", "-confirm.timer", ".service"});
  }

  /// Folders of objects that the store does not call live, and what is staged beside them.
  void look_at_objects(const Kind& kind) {
    const std::string folder = folder_of(world_.layout.tree(object_folder(kind, "x")));
    for (const Fs::Entry& entry : entries(world_, folder)) {
      const std::string path = folder + "/" + entry.name, id = kind.word() + "/" + entry.name;
      if (entry.kind == Fs::Kind::folder && !trees_.contains(path)) add(path, can_be_stored(id) ? id : "");
    }
  }

  void look_at_trees(const std::string& folder, size_t depth) {
    for (const Fs::Entry& entry : entries(world_, folder)) {
      const std::string path = folder + "/" + entry.name;
      if (entry.kind != Fs::Kind::folder || trees_.contains(path)) continue;
      bool staged = false;
      for (const std::string prefix : of_tree) {
        if (!entry.name.starts_with(prefix)) continue;
        staged = true;
        std::string name = entry.name.substr(prefix.size());
        if (name.ends_with(check_end)) name.resize(name.size() - check_end.size());
        add(path, check_name(name).name && !live_.contains(name) ? name : "");
      }
      if (staged) continue;
      if (world_.fs.exists(path + "/lua/orctl"))
        add_of_gone(path, entry.name);
      else if (depth < most_nested)
        look_at_trees(path, depth + 1);
    }
  }

  /// Of whom the comment says that he is an instance's.
  void look_at_users() {
    for (const std::string& line : split(world_.fs.read(password_file), '\n')) {
      const std::vector<std::string> parts = split(line, ':');
      constexpr std::string_view comment = "orctl ";
      if (parts.size() > 4 && parts[4].starts_with(comment))
        add_of_gone("user " + parts[0], parts[4].substr(comment.size()));
    }
  }

  static constexpr std::string_view check_end = ".check";
  const World& world_;
  std::set<std::string> live_, trees_;
  std::map<std::string, std::string> found_;
};

}  // namespace

std::vector<std::string> leftovers(const std::string& name, const std::string& folder, const World& world) {
  std::vector<std::string> made = {world.layout.confirm_trial(name)};
  if (!folder.empty()) made.insert(made.end(), {world.layout.stage(folder), world.layout.check_scratch(folder)});
  if (!world.fs.exists(world.layout.confirm(name)))
    for (const std::string& part : parts_of_wait(name, world.layout)) made.push_back(part);
  if (world.supervision == Supervision::systemd)
    for (const std::string& unit : short_units(name, world.layout)) made.push_back(systemd::confined_file(unit));
  std::erase_if(made, [&](const std::string& path) { return !world.fs.exists(path); });
  for (std::string& path : temporaries(name, world)) made.push_back(std::move(path));
  return made;
}

void remove_leftovers(const std::string& name, const std::string& folder, World& world) {
  const std::vector<std::string> found = leftovers(name, folder, world);
  if (found.empty()) return;
  if (world.supervision == Supervision::systemd)
    for (const std::string& unit : short_units(name, world.layout)) systemd::end_confined(world, unit);
  if (!world.fs.exists(world.layout.confirm(name))) end_wait(name, world);
  for (const std::string& path : found) world.fs.remove(path);
}

std::vector<Leftover> strays(const World& world) { return Search(world).run(); }

}  // namespace orctl
