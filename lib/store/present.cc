// Of history.h: what the store knows, and what of it is there.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "kind/kind.h"
#include "model/name.h"
#include "model/server_path.h"
#include "store/history.h"

namespace orctl {
namespace {

/// Names of refs that fit, whether the refs themselves can be read or not.
std::vector<std::string> names_below(const World& world, const std::string& prefix,
                                     bool (*fits)(const std::string&) = can_be_instance) {
  std::vector<std::string> names;
  if (!world.git.exists()) return names;
  for (const Git::Ref& ref : world.git.refs(prefix))
    if (std::string name = ref.name.substr(prefix.size()); fits(name)) names.push_back(std::move(name));
  return names;
}

/// Whether anything of it is on the host: what cannot be read of the history of others is history only.
bool is_on_host(const World& world, const std::string& name) {
  if (!can_be_instance(name)) {
    const IdParts parts = parts_of_id(name);
    const Kind* kind = find_kind_by_word(parts.word);
    return kind != nullptr && world.fs.exists(world.layout.tree(object_folder(*kind, parts.name)));
  }
  const std::string places[] = {world.layout.tree(name), world.layout.run(name), world.layout.unit(name),
                                world.layout.logs(name)};
  return std::any_of(std::begin(places), std::end(places), [&](const std::string& p) { return world.fs.exists(p); });
}

/// Of an instance that nothing is applied of: whether it is there all the same, because its first apply was killed, its
/// ref got lost, or its history cannot tell.
bool is_present_unapplied(const World& world, const std::string& name) {
  try {
    const auto newest = revisions(world, name, 1);
    if (newest.empty()) return false;
    return (newest.front().outcome.empty() && !newest.front().deletes) || has_lost_applied(world, name);
  } catch (const Error&) {
    stop_if_interrupted();
    return is_on_host(world, name);
  }
}

}  // namespace

bool can_be_instance(const std::string& name) { return read_name(name).has_value(); }

bool can_be_stored(const std::string& id) {
  if (can_be_instance(id)) return true;
  const IdParts parts = parts_of_id(id);
  const Kind* kind = find_kind_by_word(parts.word);
  return kind != nullptr && kind->lives == Kind::Lives::in_files && can_be_object_name(parts.name);
}

std::vector<std::string> known_instances(const World& world) { return names_below(world, "refs/heads/"); }
std::vector<std::string> recorded_ids(const World& world) {
  std::vector<std::string> ids = names_below(world, "refs/heads/", can_be_stored);
  for (std::string& id : names_below(world, "refs/orctl/applied/", can_be_stored)) ids.push_back(std::move(id));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}
std::vector<std::string> present_objects(const Kind& kind, const World& world) {
  if (kind.lives == Kind::Lives::in_process) return present_instances(world);
  const auto all = names_below(world, "refs/orctl/applied/", can_be_stored);
  const std::set<std::string> applied(all.begin(), all.end());
  std::vector<std::string> ids = recorded_ids(world);
  std::erase_if(ids, [&](const std::string& id) {
    return parts_of_id(id).word != kind.word() || (!applied.contains(id) && !is_present_unapplied(world, id));
  });
  return ids;
}
std::vector<std::string> present_ids(const World& world) {
  std::vector<std::string> all;
  for (const Kind& kind : kinds())
    for (std::string& id : present_objects(kind, world)) all.push_back(std::move(id));
  return all;
}
Error unknown_object(const std::string& id, const World& world) {
  const IdParts parts = parts_of_id(id);
  const Kind* kind = find_kind_by_word(parts.word);
  const bool is_id = parts.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos &&
                     can_be_object_name(parts.name);
  if (kind == nullptr && !is_id) kind = find_kind("Instance");
  if (kind == nullptr || kind->lives == Kind::Lives::nowhere) {
    std::vector<std::string> words;
    for (const Kind& one : kinds())
      if (one.lives == Kind::Lives::in_files) words.push_back(one.word());
    const auto similar = nearest(parts.word, words);
    return Error(
        Exit::absent, fmt::format("there is no '{}': this orctl knows no kind '{}'", id, parts.word),
        similar ? fmt::format("did you mean '{}/{}'?", *similar, parts.name) : "orctl get --help names what it knows");
  }
  const auto near = nearest(id, present_objects(*kind, world));
  return Error(is_pattern(id) ? Exit::usage : Exit::absent, fmt::format("there is no {} '{}'", kind->word(), id),
               near ? "did you mean '" + *near + "'?" : "orctl get " + kind->plural);
}
std::vector<std::string> recorded_instances(const World& world) {
  std::vector<std::string> names = known_instances(world);
  for (std::string& name : names_below(world, "refs/orctl/applied/")) names.push_back(std::move(name));
  return names;
}
std::vector<std::string> present_instances(const World& world) {
  std::vector<std::string> names = names_below(world, "refs/orctl/applied/");
  const std::set<std::string> applied(names.begin(), names.end());
  for (const std::string& name : known_instances(world))
    if (!applied.contains(name) && is_present_unapplied(world, name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace orctl
