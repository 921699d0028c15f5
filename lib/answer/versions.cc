#include "answer/versions.h"

#include <fmt/format.h>

#include <map>

#include "answer/history.h"
#include "answer/looked.h"
#include "base/text.h"
#include "store/history.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

std::string number_text(const Value& item, const std::string& field) {
  return fmt::format("{}{}", item.at(field).as_int(), item.at("live").as_bool() ? " (live)" : "");
}

std::string outcome_text(const Value& item, const std::string& field) {
  const std::string& outcome = item.at(field).as_string();
  return outcome.empty() ? "pending" : outcome;
}

std::string tags_text(const Value& item, const std::string& field) {
  std::vector<std::string> names;
  for (const Value& one : item.at(field).items()) names.push_back(one.as_string());
  return names.empty() ? "-" : join(names, ",");
}

/// All revisions of one instance; of the live one also what runs.
void add_all(const Observed& one, const World& world, Answer& answer) {
  std::multimap<std::string, std::string> names;
  for (const Tag& tag : tags(world, one.name)) names.emplace(tag.commit, tag.name);
  std::optional<Error> end;
  for (const Revision& r : readable_revisions(world, one.name, 0, end)) {
    Value item = to_value(r);
    item.set("name", one.name);
    item.set("tree", r.deletes ? "" : r.digest);
    item.set("running_tree", r.live ? one.live.tree : "");
    Value of_it = Value::array();
    for (auto [at, last] = names.equal_range(r.commit); at != last; ++at) of_it.push(at->second);
    item.set("tags", std::move(of_it));
    answer.items.push_back(std::move(item));
  }
  if (end) answer.fault(*end);
}

}  // namespace

const Noun& versions_noun() {
  static const Noun noun{"VersionList",
                         "versions",
                         "",
                         {{"NAME", "name", member_text},
                          {"REVISION", "revision", member_text},
                          {"COMMIT", "commit", short_text},
                          {"TREE", "tree", short_text},
                          {"RUNNING", "running_tree", short_text}}};
  return noun;
}

const Noun& all_versions_noun() {
  static const Noun noun{"VersionList",
                         "versions",
                         "version",
                         {{"NAME", "name", member_text},
                          {"REVISION", "revision", number_text},
                          {"WHEN", "time", moment_cell},
                          {"WHO", "author", member_text},
                          {"OUTCOME", "outcome", outcome_text},
                          {"TAGS", "tags", tags_text},
                          {"COMMIT", "commit", short_text},
                          {"TREE", "tree", short_text},
                          {"RUNNING", "running_tree", short_text}}};
  return noun;
}

Value version_item(const Observed& o) {
  Value item = to_value(*o.applied);
  item.set("name", o.name);
  item.set("tree", o.version->digest);
  item.set("running_tree", o.live.tree);
  return item;
}

Answer list_versions(const Choice& choice, const World& world) {
  Answer answer;
  for (const Observed& one : look_at(choice, Counts::yes, world, answer))
    if (!choice.names.empty())
      add_all(one, world, answer);
    else if (one.applied && one.version)
      answer.items.push_back(version_item(one));
  return answer;
}

}  // namespace orctl
