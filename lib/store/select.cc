#include "store/select.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/selector.h"
#include "model/server_path.h"
#include "model/value.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

/// Those of `ids` whose labels are wanted.
std::vector<std::string> labelled(const std::set<std::string>& ids, const std::vector<std::string>& labels,
                                  const World& world, const std::function<void(const Error&)>& unread) {
  if (labels.empty()) return {ids.begin(), ids.end()};
  std::vector<LabelSelector> wanted;
  for (const std::string& text : labels) wanted.emplace_back(text);
  const auto fits = [&](const Value& spec) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const LabelSelector& one) { return one.matches(spec.find("labels")); });
  };
  std::vector<std::string> out;
  for (const std::string& name : ids) try {
      const auto applied = applied_revision(world, name);
      if (const auto lost = applied ? std::nullopt : lost_history(name, world)) throw Error(*lost);
      if (applied && fits(load_manifest(world, name, applied->commit)->spec)) out.push_back(name);
    } catch (const Error& e) {
      stop_if_interrupted();
      unread(e.within("the labels of " + name));
    }
  return out;
}

/// Of what only instances can do: there is none of that name, or the name is an object's of another kind.
Error no_instance(const std::string& name, const std::vector<std::string>& known, const World& world) {
  const Kind* kind = find_kind_by_word(parts_of_id(name).word);
  if (kind == nullptr || kind->lives != Kind::Lives::in_files) return unknown_instance(name, known);
  const std::vector<std::string> all = present_objects(*kind, world);
  if (std::find(all.begin(), all.end(), name) == all.end()) return unknown_object(name, world);
  return Error(Exit::usage, "'" + name + "' is no instance", "what there is of it: orctl get " + kind->plural);
}

}  // namespace

Error unknown_instance(const std::string& name, const std::vector<std::string>& known) {
  std::vector<std::string> matched;
  for (const std::string& one : known)
    if (glob_match(name, one)) matched.push_back(one);
  if (!matched.empty())
    return Error(Exit::usage, "there is no instance '" + name + "'", "name them: " + join(matched, " "));
  const auto near = nearest(name, known);
  return Error(is_pattern(name) ? Exit::usage : Exit::absent, "there is no instance '" + name + "'",
               near ? "did you mean '" + *near + "'?" : "orctl get instances");
}

Error unknown_name(const std::string& id, const World& world) {
  return can_be_instance(id) || parts_of_id(id).word == "instance" ? unknown_instance(id, present_instances(world))
                                                                   : unknown_object(id, world);
}

void refuse_unmatched(const std::vector<std::string>& patterns, const std::vector<std::string>& labels,
                      const std::vector<std::string>& chosen) {
  if (labels.empty()) {
    const std::vector<std::string> unmatched = unmatched_patterns(patterns, chosen);
    if (unmatched.empty()) return;
    throw Error(Exit::usage, "no instance matches '" + join(unmatched, "', '") + "'; nothing was done",
                "orctl get instances lists what there is");
  }
  if (!chosen.empty()) return;
  const std::string among = patterns.empty() ? "" : " of '" + join(patterns, "', '") + "'";
  throw Error(Exit::usage, "no instance" + among + " matches -l '" + join(labels, "' -l '") + "'; nothing was done",
              "orctl get instances -o wide shows the labels");
}

std::optional<std::string> one_instance(const std::string& pattern, const World& world) {
  if (!is_pattern(pattern)) return pattern;
  const std::vector<std::string> all = select_instances({pattern}, {}, world);
  if (all.empty()) return std::nullopt;
  if (all.size() > 1)
    throw Error(Exit::usage, "'" + pattern + "' stands for " + count(all.size(), "instance"),
                "name one of them: " + join(all, ", "));
  return all.front();
}

std::vector<std::string> unmatched_patterns(const std::vector<std::string>& patterns,
                                            const std::vector<std::string>& chosen) {
  std::vector<std::string> out;
  for (const std::string& pattern : patterns)
    if (is_pattern(pattern) && std::none_of(chosen.begin(), chosen.end(), [&](const std::string& name) {
          return glob_match(pattern, name) || glob_match(pattern, parts_of_id(name).name);
        }))
      out.push_back(pattern);
  return out;
}

std::vector<std::string> select_objects(const Kind& kind, const std::vector<std::string>& patterns,
                                        const std::vector<std::string>& labels, const World& world,
                                        const std::function<void(const Error&)>& unread) {
  const std::vector<std::string> known = present_objects(kind, world);
  std::set<std::string> chosen;
  if (patterns.empty()) chosen.insert(known.begin(), known.end());
  for (const std::string& pattern : patterns) {
    const size_t before = chosen.size();
    for (const std::string& id : known)
      if (glob_match(pattern, id) || glob_match(pattern, parts_of_id(id).name)) chosen.insert(id);
    if (!is_pattern(pattern) && chosen.size() == before)
      throw unknown_object(pattern.find('/') == std::string::npos ? kind.word() + "/" + pattern : pattern, world);
  }
  return labelled(chosen, labels, world, unread);
}

std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world) {
  return select_instances(patterns, labels, world, [](const Error& e) { throw Error(e); });
}

std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world,
                                          const std::function<void(const Error&)>& unread) {
  std::vector<std::string> known = present_instances(world);
  const auto is_known = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  if (patterns.empty() || !std::all_of(patterns.begin(), patterns.end(), is_known)) {
    for (const auto& [name, tree] : lost_instances(world)) known.push_back(name);
    std::sort(known.begin(), known.end());
  }
  std::set<std::string> chosen;
  if (patterns.empty()) chosen.insert(known.begin(), known.end());
  for (const std::string& pattern : patterns) {
    const size_t before = chosen.size();
    for (const std::string& name : known)
      if (glob_match(pattern, name)) chosen.insert(name);
    if (!is_pattern(pattern) && chosen.size() == before &&
        std::find(known.begin(), known.end(), pattern) == known.end())
      throw no_instance(pattern, known, world);
  }
  return labelled(chosen, labels, world, unread);
}

}  // namespace orctl
