#include "engine/salvage.h"

#include <fmt/format.h>

#include <set>

#include "engine/apply.h"
#include "engine/audit.h"
#include "engine/confirm.h"
#include "engine/supervisor.h"
#include "engine/target.h"
#include "model/read.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr int deepest_layout = 6;
constexpr size_t max_settings = size_t{1} << 20;

/// `text` without what is before and behind it; "" when that is not there, or no instance can be called so.
std::string name_between(const std::string& text, const std::string& before, const std::string& behind) {
  if (text.size() <= before.size() + behind.size() || !text.starts_with(before) || !text.ends_with(behind)) return {};
  std::string name = text.substr(before.size(), text.size() - before.size() - behind.size());
  return can_be_instance(name) ? name : "";
}

/// Whose the tree is by its own files: the state folder that its gateway uses, or else the pid file that its nginx
/// writes, carries the name. "" when it is nobody's, or belongs to another root.
std::string owner_of_tree(const std::string& folder, const World& world, const Layout& layout) {
  const auto content = [&](const char* file) -> std::string {
    try {
      const std::string path = folder + "/" + file;
      return world.fs.exists(path) ? world.fs.read(path, max_settings) : "";
    } catch (const Error&) {
      stop_if_interrupted();
      return {};
    }
  };
  Diagnostics found;
  const auto settings = read_json({"settings.json", content("settings.json")}, found);
  if (settings && settings->is_object())
    if (const Value* state = settings->find("state"); state != nullptr && state->is_string())
      return name_between(state->as_string(), layout.state(""), "");
  const std::string conf = content("nginx.conf"), word = "\npid ";
  const size_t at = conf.find(word);
  if (at == std::string::npos) return {};
  const size_t start = at + word.size();
  return name_between(conf.substr(start, conf.find(';', start) - start), layout.run(""), "/nginx.pid");
}

bool is_own_tree(const std::string& folder, const std::string& name, const World& world, const Layout& layout) {
  return owner_of_tree(folder, world, layout) == name;
}

/// Adds the trees below a folder by the names that they give themselves; the usual tree of one that is `recorded` is
/// not looked into. A folder that may not be read holds none.
void collect_trees(const std::string& folder, const std::set<std::string>& recorded, const World& world,
                   const Layout& layout, int depth, std::map<std::string, std::string>& found) {
  std::vector<Fs::Entry> entries;
  try {
    entries = world.fs.list(folder);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  for (const Fs::Entry& entry : entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.kind != Fs::Kind::folder || entry.name.starts_with(".orctl-")) continue;
    const bool is_tree = world.fs.exists(path + "/nginx.conf") || world.fs.exists(path + "/settings.json");
    if (!is_tree && depth < deepest_layout) collect_trees(path, recorded, world, layout, depth + 1, found);
    if (!is_tree || (depth == 0 && recorded.contains(entry.name))) continue;
    if (const std::string name = owner_of_tree(path, world, layout); !name.empty()) found.emplace(name, path);
  }
}

Error no_history(const std::string& name, const std::string& tree) {
  return Error(Exit::target,
               fmt::format("the history of {} is not in the version store, and '{}' is its tree", name, tree),
               "put the store back, or make a history from what runs: " + mend_lost_history(name));
}

std::set<std::string> recorded(const World& world) {
  const auto names = recorded_instances(world);
  return {names.begin(), names.end()};
}

std::string find_below(const std::string& folder, const std::string& name, const World& world, const Layout& layout,
                       int depth) {
  if (is_own_tree(folder, name, world, layout)) return folder;
  if (depth == deepest_layout || world.fs.exists(folder + "/nginx.conf")) return {};
  for (const Fs::Entry& entry : world.fs.list(folder)) {
    if (entry.kind != Fs::Kind::folder || entry.name.starts_with(".orctl-")) continue;
    if (auto found = find_below(folder + "/" + entry.name, name, world, layout, depth + 1); !found.empty())
      return found;
  }
  return {};
}

/// What every instance of this name has, for one whose spec is lost: nothing that would be asked of its process.
Value bare_spec(const std::string& name, const std::string& folder) {
  Value spec = Value::object();
  spec.set("name", name);
  if (!folder.empty()) spec.set("layout", folder);
  spec.set("nginx", Value::object());
  for (const char* list : {"listener", "upstream", "route", "certificate"}) spec.set(list, Value::array());
  return Schema::get("instance").with_defaults(spec);
}

/// Refs that lead to nothing readable are kept; the others go as those of any deleted instance.
void remove_refs(const Observed& now, World& world, const Request& request) {
  if (!world.git.exists()) return;
  const FileLock lock = world.git.lock(request.lock_wait);
  world.git.move_aside(world.git.path() + "/" + applied_ref(now.name));
  world.git.remove_ref(applied_ref(now.name));
  try {
    const std::string head = world.git.ref(branch_of(now.name)).value_or("");
    if (head.empty()) return;
    const std::string commit = commit_version(world, now.name, head, std::nullopt, request.note);
    note_outcome(world, commit, "deleted", "", Millis(0));
  } catch (const Error&) {
    world.git.move_aside(world.git.path() + "/" + branch_of(now.name));
    world.git.remove_ref(branch_of(now.name));
  }
}

}  // namespace

std::string find_own_tree(const std::string& name, const World& world, const Layout& layout) {
  if (const std::string usual = layout.tree(name); world.fs.exists(usual) && is_own_tree(usual, name, world, layout))
    return usual;
  const auto top = world.fs.stat(layout.trees());
  return top && top->kind == Fs::Kind::folder ? find_below(layout.trees(), name, world, layout, 0) : "";
}

std::map<std::string, std::string> lost_instances(const World& world, const Layout& layout) {
  std::map<std::string, std::string> found;
  if (const auto top = world.fs.stat(layout.trees()); !top || top->kind != Fs::Kind::folder) return found;
  collect_trees(layout.trees(), recorded(world), world, layout, 0, found);
  // asked once more, after the look: a first apply makes its branch before its tree
  if (!found.empty())
    for (const std::string& name : recorded(world)) found.erase(name);
  return found;
}

std::optional<Error> lost_history(const std::string& name, const World& world, const Layout& layout) {
  if (!can_be_instance(name)) return std::nullopt;
  const std::string tree = find_own_tree(name, world, layout);
  if (tree.empty() || recorded(world).contains(name)) return std::nullopt;
  return no_history(name, tree);
}

std::string mend_lost_history(const std::string& name) {
  return fmt::format("orctl store repair {} -f MANIFEST --yes", name);
}

std::optional<Value> readable_spec(const std::string& name, const World& world) {
  const auto spec_of = [&](const std::string& commit) -> std::optional<Value> {
    try {
      return load_manifest(world, name, commit).spec;
    } catch (const Error&) {
      stop_if_interrupted();
    }
    return std::nullopt;
  };
  try {
    if (const auto live = world.git.ref(applied_ref(name)))
      if (auto spec = spec_of(*live)) return spec;
  } catch (const Error&) {
    stop_if_interrupted();
  }
  std::optional<Error> end;
  for (const Revision& r : readable_revisions(world, name, 0, end))
    if (!r.deletes)
      if (auto spec = spec_of(r.commit)) return spec;
  return std::nullopt;
}

Observed salvage(const std::string& name, const Error& why, const World& world, const Layout& layout) {
  Observed o;
  o.name = name;
  o.broken = why.within(name);
  try {
    o.applied = applied_revision(world, name);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  o.tree_path = find_own_tree(name, world, layout);
  const size_t top = layout.trees().size() + 1;
  const std::string folder = o.tree_path.empty() ? "" : o.tree_path.substr(top);
  Version version;
  version.spec = readable_spec(name, world).value_or(bare_spec(name, folder));
  if (!folder.empty()) version.spec.set("layout", folder);
  if (o.tree_path.empty()) o.tree_path = layout.tree(tree_folder(version.spec));
  try {
    version.tree = world.fs.read_tree(o.tree_path, tree_ownership(version.spec, world));
    version.digest = carried_digest(version.tree);
    version.unit = world.fs.exists(layout.unit(name)) ? world.fs.read(layout.unit(name)) : "";
    o.version = std::move(version);
  } catch (const Error&) {
    stop_if_interrupted();
    o.version.reset();
  }
  try {
    observe_process(o, world, layout, NginxMasters(world));
  } catch (const Error& e) {
    stop_if_interrupted();
    o.problem = e.what();
  }
  return o;
}

void delete_salvaged(const Observed& now, World& world, const Layout& layout, const Request& request,
                     const std::function<void(const std::string&)>& tell) {
  const Supervisor supervisor(layout, now.name, now.tree_path);
  const std::string own = find_own_tree(now.name, world, layout);
  const Value spec = now.version ? now.version->spec : readable_spec(now.name, world).value_or(bare_spec(now.name, ""));
  supervisor.stop(world, drain_time(spec));
  if (!own.empty()) {
    const std::string folder = own.substr(layout.trees().size() + 1);
    for (const std::string& place : {own, layout.stage(folder), layout.aside(folder)}) world.fs.remove(place);
    for (std::string up = own.substr(0, own.rfind('/')); up.size() > layout.trees().size(); up.resize(up.rfind('/'))) {
      if (!world.fs.exists(up) || !world.fs.list(up).empty()) break;
      world.fs.remove(up);
    }
  }
  supervisor.write_unit(world, "", Supervisor::AtBoot::keep);
  supervisor.remove(world, supervisor.belongings(world, spec));
  end_wait(now.name, world, layout);
  remove_refs(now, world, request);
  Value what = Value::object();
  what.set("outcome", "deleted");
  what.set("cause", now.broken ? now.broken->what() : "");
  write_audit(world, layout, now.name, request.note, what, tell);
}

}  // namespace orctl
