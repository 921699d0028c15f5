#include "answer/tags.h"

#include <algorithm>

#include "answer/history.h"
#include "base/moment.h"
#include "base/text.h"
#include "store/history.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

Value item_of(const std::string& name, const Tag& tag, const World& world) {
  const Revision r = revision_at(world, tag.commit);
  Value item = Value::object();
  item.set("name", name);
  item.set("tag", tag.name);
  item.set("revision", r.number);
  item.set("commit", r.commit);
  item.set("time", moment_text(r.time));
  item.set("author", r.author);
  item.set("reason", r.reason);
  return item;
}

}  // namespace

const Noun& tags_noun() {
  static const Noun noun{"TagList",
                         "tags",
                         "",
                         {{"NAME", "name", member_text},
                          {"TAG", "tag", member_text},
                          {"REVISION", "revision", member_text},
                          {"WHEN", "time", moment_cell},
                          {"WHO", "author", member_text},
                          {"REASON", "reason", member_text}}};
  return noun;
}

Answer list_tags(const std::vector<std::string>& names, const World& world) {
  const std::vector<std::string> known = recorded_ids(world);
  for (const std::string& name : names)
    if (name.find_first_of("*?") == std::string::npos && std::find(known.begin(), known.end(), name) == known.end())
      throw no_revisions(world, name);
  Answer answer;
  for (const std::string& id : known) {
    const auto means = [&](const std::string& name) { return glob_match(name, id); };
    if (!names.empty() && std::none_of(names.begin(), names.end(), means)) continue;
    for (const Tag& tag : tags(world, id)) answer.each([&] { answer.items.push_back(item_of(id, tag, world)); });
  }
  return answer;
}

}  // namespace orctl
