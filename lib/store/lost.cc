#include "store/lost.h"

#include <fmt/format.h>

#include <set>

#include "base/tree_paths.h"
#include "model/read.h"
#include "store/history.h"

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
std::string owner_of_tree(const std::string& folder, const World& world) {
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
  const auto settings = read_json({tree_path::settings, content(tree_path::settings)}, found);
  if (settings && settings->is_object())
    if (const Value* state = settings->find("state"); state != nullptr && state->is_string())
      return name_between(state->as_string(), world.layout.state(""), "");
  const std::string conf = content(tree_path::nginx_conf), word = "\npid ";
  const size_t at = conf.find(word);
  if (at == std::string::npos) return {};
  const size_t start = at + word.size();
  return name_between(conf.substr(start, conf.find(';', start) - start), world.layout.run(""), "/nginx.pid");
}

bool is_own_tree(const std::string& folder, const std::string& name, const World& world) {
  return owner_of_tree(folder, world) == name;
}

/// Adds the trees below a folder by the names that they give themselves; the usual tree of one that is `recorded` is
/// not looked into. A folder that may not be read holds none.
void collect_trees(const std::string& folder, const std::set<std::string>& recorded, const World& world, int depth,
                   std::map<std::string, std::string>& found) {
  std::vector<Fs::Entry> entries;
  try {
    entries = world.fs.list(folder);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  for (const Fs::Entry& entry : entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.kind != Fs::Kind::folder || entry.name.starts_with(".orctl-")) continue;
    const bool is_tree =
        world.fs.exists(path + "/" + tree_path::nginx_conf) || world.fs.exists(path + "/" + tree_path::settings);
    if (!is_tree && depth < deepest_layout) collect_trees(path, recorded, world, depth + 1, found);
    if (!is_tree || (depth == 0 && recorded.contains(entry.name))) continue;
    if (const std::string name = owner_of_tree(path, world); !name.empty()) found.emplace(name, path);
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

std::string find_below(const std::string& folder, const std::string& name, const World& world, int depth) {
  if (is_own_tree(folder, name, world)) return folder;
  if (depth == deepest_layout || world.fs.exists(folder + "/" + tree_path::nginx_conf)) return {};
  for (const Fs::Entry& entry : world.fs.list(folder)) {
    if (entry.kind != Fs::Kind::folder || entry.name.starts_with(".orctl-")) continue;
    if (auto found = find_below(folder + "/" + entry.name, name, world, depth + 1); !found.empty()) return found;
  }
  return {};
}

}  // namespace

std::string find_own_tree(const std::string& name, const World& world) {
  if (const std::string usual = world.layout.tree(name); world.fs.exists(usual) && is_own_tree(usual, name, world))
    return usual;
  const auto top = world.fs.stat(world.layout.trees());
  return top && top->kind == Fs::Kind::folder ? find_below(world.layout.trees(), name, world, 0) : "";
}

std::map<std::string, std::string> lost_instances(const World& world) {
  std::map<std::string, std::string> found;
  if (const auto top = world.fs.stat(world.layout.trees()); !top || top->kind != Fs::Kind::folder) return found;
  collect_trees(world.layout.trees(), recorded(world), world, 0, found);
  // asked once more, after the look: a first apply makes its branch before its tree
  if (!found.empty())
    for (const std::string& name : recorded(world)) found.erase(name);
  return found;
}

std::optional<Error> lost_history(const std::string& name, const World& world) {
  if (!can_be_instance(name)) return std::nullopt;
  const std::string tree = find_own_tree(name, world);
  if (tree.empty() || recorded(world).contains(name)) return std::nullopt;
  return no_history(name, tree);
}

std::string mend_lost_history(const std::string& name) {
  return fmt::format("orctl store repair {} -f MANIFEST --yes", name);
}

}  // namespace orctl
