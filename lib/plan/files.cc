#include "plan/files.h"

#include <algorithm>
#include <set>

#include "model/masked.h"
#include "model/object.h"

namespace orctl {
namespace {

constexpr size_t told_one_by_one = 8;

/// Files that differ although no field does: a hand has edited them, or another orctl has made them.
void diff_files(const Version& before, const Version& after, Impact impact, std::vector<Change>& out) {
  std::set<std::string> paths;
  for (const Tree* tree : {&before.tree, &after.tree})
    for (const auto& [path, file] : *tree) paths.insert(path);
  const auto file_of = [](const Tree& tree, const std::string& path) {
    const auto found = tree.find(path);
    return found == tree.end() ? nullptr : &found->second;
  };
  for (const std::string& path : paths) {
    const TreeFile *was = file_of(before.tree, path), *is = file_of(after.tree, path);
    if (was != nullptr && is != nullptr && *was == *is) continue;
    Change c{was == nullptr ? Op::add : is == nullptr ? Op::remove : Op::change, FileKey{path}, {}, {}, impact, ""};
    const bool irregular = was != nullptr && !was->irregular.empty();
    if (was != nullptr) c.before = irregular ? Value(was->irregular) : brief(*was);
    if (is != nullptr) c.after = brief(*is);
    c.reason = irregular ? "it is " + was->irregular : "not what the manifest gives";
    out.push_back(std::move(c));
  }
}

}  // namespace

/// "sha256:0123456789ab", what is shown of a file.
Value brief(const TreeFile& file) {
  return Value(fingerprint_of(file).substr(0, std::string_view("sha256:0123456789ab").size()));
}

void diff_rights(const std::vector<Misfit>& misfits, std::vector<Change>& out) {
  std::set<Key> told;
  for (const Change& c : out) told.insert(c.key);
  std::vector<std::pair<Change, size_t>> groups;  // the first of its kind, and how many there are
  std::vector<Change> single;
  for (const Misfit& m : misfits) {
    Change c{Op::change,   m.folder ? Key(FolderKey{m.path}) : Key(FileKey{m.path}),
             m.is,         m.wanted,
             Impact::none, m.owner ? "other owner" : "other rights"};
    if (told.contains(c.key)) continue;
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) {
      return g.first.before == c.before && g.first.after == c.after && g.first.reason == c.reason;
    });
    if (group != groups.end())
      ++group->second;
    else
      groups.emplace_back(c, 1);
    single.push_back(std::move(c));
  }
  if (single.size() <= told_one_by_one) {
    out.insert(out.end(), single.begin(), single.end());
    return;
  }
  for (auto& [change, size] : groups) {
    if (size > 1) change.reason += " of this and " + std::to_string(size - 1) + " more";
    out.push_back(std::move(change));
  }
}

InstancePlan plan_files(InstancePlan plan, const std::vector<Misfit>& misfits) {
  // what is made, taken away or not as it was made costs what the schema says of the whole
  const Impact whole = schema_of(plan.after ? plan.after->spec : plan.before->spec).root().impact;
  if (!plan.before) {
    plan.changes.push_back({Op::add, Whole::object, {}, masked_spec(plan.after->spec), whole, ""});
    plan.steps = {CheckTree{}, CommitRevision{}, SwapTree{}, Verify{}};
    return plan;
  }
  if (!plan.after) {
    plan.changes.push_back({Op::remove, Whole::object, masked_spec(plan.before->spec), {}, whole, ""});
    plan.steps = {CommitRevision{}, SwapTree{}};
    return plan;
  }
  plan.changes = diff_specs(plan.before->spec, plan.after->spec);
  if (plan.changes.empty()) diff_files(*plan.before, *plan.after, whole, plan.changes);
  diff_rights(misfits, plan.changes);
  if (plan.empty()) return plan;
  const bool other_tree = plan.before->tree != plan.after->tree;
  if (other_tree || !misfits.empty()) plan.steps.push_back(CheckTree{});
  if (other_tree || plan.before->spec != plan.after->spec) plan.steps.push_back(CommitRevision{});
  if (other_tree || !misfits.empty()) plan.steps.push_back(SwapTree{});
  plan.steps.push_back(Verify{});
  return plan;
}

}  // namespace orctl
