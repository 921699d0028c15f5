#include "store/revision_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/moment.h"
#include "base/text.h"

namespace orctl {
namespace {

constexpr int most_revisions = 1000000000;
constexpr size_t longest_tag = 64;
constexpr const char* live_word = "live";

Error no_such(const std::string& instance, const std::string& what, const std::string& hint = {}) {
  return Error(Exit::absent, fmt::format("{} has no {}", instance, what),
               hint.empty() ? "orctl history " + instance : hint);
}

/// Walks from the newest revision down until `found` takes one. Notes are read of those alone that `wanted` names.
template <class Wanted, class Found>
std::optional<Revision> walk(const World& world, const std::string& instance, const Wanted& wanted,
                             const Found& found) {
  std::string id = can_be_stored(instance) ? world.git.ref(branch_of(instance)).value_or("") : "";
  if (id.empty()) throw no_revisions(world, instance);
  const std::string live = world.git.ref(applied_ref(instance)).value_or("");
  while (!id.empty()) {
    const Git::Commit commit = world.git.commit(id);
    if (wanted(commit)) {
      Revision r = revision_at(world, id);
      r.live = id == live;
      if (found(r)) return r;
    }
    id = commit.parent;
  }
  return std::nullopt;
}

/// The one applied `back` revisions before the live one.
Revision before_live(const World& world, const std::string& instance, long back) {
  const auto live = applied_revision(world, instance);
  long left = back;
  const auto found = walk(
      world, instance, [&](const Git::Commit& c) { return !live || revision_number(c) < live->number; },
      [&](const Revision& r) { return r.outcome == "applied" && !r.deletes && --left == 0; });
  if (!found) throw no_such(instance, fmt::format("applied revision {} before the live one", back));
  return *found;
}

Revision at_time(const World& world, const std::string& instance, const std::string& word, int64_t time) {
  const auto found = walk(
      world, instance, [&](const Git::Commit& c) { return c.time <= time; },
      [&](const Revision& r) { return r.outcome == "applied" || r.outcome == "deleted"; });
  if (!found) throw no_such(instance, fmt::format("revision that was live on {}: it is younger", word));
  if (found->deletes)
    throw no_such(instance,
                  fmt::format("revision that was live on {}: revision {} had deleted it", word, found->number));
  return *found;
}

Revision by_tag(const World& world, const std::string& instance, const std::string& word) {
  const auto commit = fault_of_tag(word).empty() && can_be_stored(instance) && world.git.exists()
                          ? world.git.ref(tag_ref(instance, word))
                          : std::nullopt;
  if (commit) {
    Revision r = revision_at(world, *commit);
    r.live = world.git.ref(applied_ref(instance)).value_or("") == *commit;
    return r;
  }
  if (revisions(world, instance, 1).empty()) throw no_revisions(world, instance);
  std::vector<std::string> names;
  for (const Tag& tag : tags(world, instance)) names.push_back(tag.name);
  const auto near = nearest(word, names);
  throw no_such(instance, fmt::format("revision '{}'", word),
                near ? fmt::format("did you mean '{}'?", *near)
                     : fmt::format("{}: orctl get versions {}", revision_words, instance));
}

}  // namespace

std::string fault_of_tag(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.empty() || !is_letter(name.front())) return "it begins with no letter";
  if (name.size() > longest_tag) return fmt::format("it is longer than {} characters", longest_tag);
  if (!std::all_of(name.begin(), name.end(),
                   [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; }))
    return "it has other characters than letters, digits, '.', '_' and '-'";
  if (name.ends_with('.') || name.ends_with(".lock") || name.find("..") != std::string::npos)
    return "git takes no such name";
  if (lower(name) == live_word || lower(name) == "head") return "it means another revision with each change";
  return {};
}

std::string tag_ref(const std::string& instance, const std::string& name) {
  return "refs/tags/" + instance + "/" + name;
}

std::optional<TagOf> tag_of_ref(const std::string& ref) {
  const std::string prefix = "refs/tags/";
  const size_t slash = ref.rfind('/');
  if (!ref.starts_with(prefix) || slash <= prefix.size()) return std::nullopt;
  TagOf out{ref.substr(prefix.size(), slash - prefix.size()), ref.substr(slash + 1)};
  if (!can_be_stored(out.instance) || !fault_of_tag(out.name).empty()) return std::nullopt;
  return out;
}

std::vector<Tag> tags(const World& world, const std::string& instance) {
  std::vector<Tag> out;
  if (!can_be_stored(instance) || !world.git.exists()) return out;
  for (const Git::Ref& ref : world.git.refs(tag_ref(instance, "")))
    if (const auto of = tag_of_ref(ref.name); of && of->instance == instance && !ref.id.empty())
      out.push_back({of->name, ref.id});
  return out;
}

Revision find_revision(const World& world, const std::string& instance, const std::string& word) {
  if (const auto number = parse_number(word, most_revisions))
    return find_revision(world, instance, static_cast<int>(*number));
  if (word == live_word) return live_revision(world, instance);
  if (word.starts_with('-')) {
    const auto back = parse_number(word.substr(1), most_revisions);
    if (back && *back > 0) return before_live(world, instance, *back);
  }
  if (const auto moment = parse_moment(word)) return at_time(world, instance, word, moment->last);
  return by_tag(world, instance, word);
}

}  // namespace orctl
