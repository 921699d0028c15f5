#include "answer/versions.h"

#include "answer/looked.h"
#include "store/history.h"

namespace orctl {

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
    if (one.applied && one.version) answer.items.push_back(version_item(one));
  return answer;
}

}  // namespace orctl
