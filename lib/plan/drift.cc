#include "plan/drift.h"

#include <algorithm>

#include "model/read.h"
#include "plan/files.h"

namespace orctl {
namespace {

constexpr const char* goes = "edited on the host: that edit goes";

const TreeFile* file_of(const Tree& tree, const std::string& path) {
  const auto found = tree.find(path);
  return found == tree.end() ? nullptr : &found->second;
}

bool has_same_content(const TreeFile& kept, const TreeFile& live) {
  if (!kept.irregular.empty() || !live.irregular.empty()) return false;
  return kept.fingerprint.empty() ? kept.content == live.content : kept.fingerprint == fingerprint_of(live);
}

/// A document says the same however it is written.
bool says_same(const std::string& path, const TreeFile& live, const TreeFile& after) {
  if (live.content == after.content && live.irregular == after.irregular) return true;
  if (path != tree_path::document || !live.irregular.empty()) return false;
  Diagnostics unread;
  const auto was = read_json({path, live.content}, unread), is = read_json({path, after.content}, unread);
  return was && is && *was == *is;
}

/// Whether `after` (nullptr: nothing) takes an edit of `path` away.
bool takes_away(const std::string& path, const TreeFile* live, const TreeFile* after) {
  if (live == nullptr || after == nullptr) return live != after;
  return !says_same(path, *live, *after);
}

void tell(InstancePlan& plan, const Key& key, Change told) {
  const auto known =
      std::find_if(plan.changes.begin(), plan.changes.end(), [&](const Change& c) { return c.key == key; });
  if (known == plan.changes.end())
    plan.changes.push_back(std::move(told));
  else
    known->reason = told.reason;
}

}  // namespace

std::string HandEdit::text() const {
  switch (how) {
    case How::changed:
      return "changed";
    case How::missing:
      return "missing";
    case How::foreign:
      return "in no revision";
    case How::irregular:
      return irregular;
    case How::rights:
      return "other rights";
  }
  return {};
}

std::vector<HandEdit> hand_edits(const Tree& kept, const Tree& live) {
  using How = HandEdit::How;
  std::vector<HandEdit> out;
  if (const TreeFile* top = file_of(live, ".")) return {{How::irregular, ".", top->irregular}};  // it is no folder
  for (const auto& [path, file] : live) {
    const TreeFile* was = file_of(kept, path);
    if (!file.irregular.empty())
      out.push_back({How::irregular, path, file.irregular});
    else if (was == nullptr)
      out.push_back({How::foreign, path});
    else if (!has_same_content(*was, file))
      out.push_back({How::changed, path});
    else if (was->mode != file.mode && !is_secret(path, *was))
      out.push_back({How::rights, path});
  }
  for (const auto& [path, file] : kept)
    if (!live.contains(path)) out.push_back({How::missing, path});
  std::sort(out.begin(), out.end(), [](const HandEdit& a, const HandEdit& b) { return a.path < b.path; });
  return out;
}

void tell_flattened(InstancePlan& plan, const std::vector<KeptFiles>& kept) {
  if (!plan.before || !plan.after || plan.empty() || kept.empty()) return;
  const Version &before = *plan.before, &after = *plan.after;
  const auto is_kept = [&](const std::string& path, const TreeFile* live) {
    return std::any_of(kept.begin(), kept.end(), [&](const KeptFiles& one) {
      const TreeFile* was = file_of(one.tree, path);
      return was == nullptr || live == nullptr ? was == live : has_same_content(*was, *live);
    });
  };
  const auto see = [&](const std::string& path, const TreeFile* was, const TreeFile* is) {
    if (!takes_away(path, was, is) || is_kept(path, was)) return;
    plan.flattened.push_back(path);
    Change c{was == nullptr ? Op::add : is == nullptr ? Op::remove : Op::change, FileKey{path}, {}, {},
             path == tree_path::document ? Impact::hot : Impact::reload,         goes};
    if (was != nullptr && !was->irregular.empty())
      c.before = Value(was->irregular), c.reason = "it is " + was->irregular + ", " + goes;
    else if (was != nullptr)
      c.before = brief(*was);
    if (is != nullptr) c.after = brief(*is);
    if (plan.impact() < c.impact) c.impact = plan.impact();  // the steps are made already
    tell(plan, FileKey{path}, std::move(c));
  };
  if (!before.tree.empty() && before.tree != after.tree) {
    for (const auto& [path, file] : before.tree) see(path, &file, file_of(after.tree, path));
    for (const auto& [path, file] : after.tree)
      if (!before.tree.contains(path) && !before.tree.contains(".")) see(path, nullptr, &file);
  }
  const bool unit = !before.unit.empty() && before.unit != after.unit &&
                    std::none_of(kept.begin(), kept.end(), [&](const KeptFiles& k) { return k.unit == before.unit; });
  if (!unit) return;
  plan.flattened.emplace_back("unit");
  tell(plan, Whole::unit, {Op::change, Whole::unit, brief({before.unit}), brief({after.unit}), Impact::none, goes});
}

void forget_flattened(InstancePlan& plan) {
  plan.flattened.clear();
  for (Change& c : plan.changes)
    if (c.reason.ends_with(goes)) c.reason = "edited on the host";
}

std::string_view to_string(Drift::State state) {
  constexpr std::string_view words[] = {"edited",      "foreign-file", "tree-gone",         "rights",
                                        "unit",        "hot-change",   "reload-never-took", "worker-behind",
                                        "store-moved", "interrupted",  "process",           "unknown"};
  return words[static_cast<size_t>(state)];
}

std::string_view to_string(Drift::Ahead ahead) {
  constexpr std::string_view words[] = {"disk", "running", "store", "-"};
  return words[static_cast<size_t>(ahead)];
}

}  // namespace orctl
