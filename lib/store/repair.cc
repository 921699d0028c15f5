#include "store/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/events.h"
#include "store/history.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

/// Whether all of a revision can be read, and is this instance's.
bool is_whole(const std::string& name, const Revision& r, const World& world) {
  try {
    world.git.files(r.commit);
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
  return r.deletes || fault_of_manifest(name, r.commit, world).empty();
}

/// Commits that no ref leads to any more, since one between is lost: known by the spec that they hold.
std::vector<Revision> stray_revisions(const std::string& name, const std::set<std::string>& known, const World& world) {
  std::map<int, Revision> found;
  for (const std::string& id : world.git.all_commits()) {
    if (known.contains(id)) continue;
    try {
      if (owner_of_commit(id, world) != name) continue;
      Revision r = revision_at(world, id);
      Revision& place = found[r.number];
      if (place.commit.empty() || place.time < r.time) place = std::move(r);
    } catch (const Error&) {
      stop_if_interrupted();
    }
  }
  std::vector<Revision> out;
  for (auto& [number, r] : found) out.push_back(std::move(r));
  return out;
}

/// A history as far as it can be read.
struct Followed {
  std::vector<Revision> own;  ///< oldest first
  std::string others;         ///< another instance whose revisions are in it; "" when none is
  bool complete = false;      ///< it comes to its beginning
};

/// The history from a commit on, without what is another instance's.
Followed follow(const std::string& name, std::string id, const World& world) {
  Followed out;
  std::vector<Revision> all;  // newest first
  try {
    while (!id.empty()) {
      all.push_back(revision_at(world, id));
      id = world.git.commit(id).parent;
    }
    out.complete = true;
  } catch (const Error&) {
    stop_if_interrupted();
  }
  bool foreign = false;  // one that deletes says nothing of itself: it goes with what it deleted
  for (auto r = all.rbegin(); r != all.rend(); ++r) {
    const std::string owner = r->deletes ? "" : owner_of_commit(r->commit, world);
    if (!r->deletes) foreign = !owner.empty() && owner != name;
    if (foreign && !owner.empty()) out.others = owner;
    if (!foreign) out.own.push_back(std::move(*r));
  }
  return out;
}

}  // namespace

std::string instance_of_ref(const std::string& ref) {
  for (const std::string& prefix : {branch_of(""), applied_ref(""), events_ref("")})
    if (ref.starts_with(prefix))
      if (std::string name = ref.substr(prefix.size()); can_be_stored(name)) return name;
  if (const auto tag = tag_of_ref(ref)) return tag->instance;
  return {};
}

std::string tip_of(const std::string& ref, const World& world) {
  try {
    return world.git.ref(ref).value_or("");
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
}

std::string owner_of_commit(const std::string& commit, const World& world) {
  try {
    return commit.empty() ? "" : id_of(load_manifest(world, commit)->spec);
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
}

std::string fault_of_manifest(const std::string& name, const std::string& commit, const World& world) {
  try {
    load_manifest(world, name, commit);
    return {};
  } catch (const Error& e) {
    stop_if_interrupted();
    return e.what();
  }
}

void sort_out_history(Repair& repair, const World& world) {
  const std::string branch = tip_of(branch_of(repair.name), world);
  const Followed followed =
      follow(repair.name, branch.empty() ? tip_of(applied_ref(repair.name), world) : branch, world);
  std::vector<Revision> all = followed.own;
  const bool complete = followed.complete && followed.others.empty();
  const bool tip_is_lost = !branch.empty() && all.empty();
  if (!complete || branch.empty()) {
    std::set<std::string> known;
    for (const Revision& r : all) known.insert(r.commit);
    std::vector<Revision> strays = stray_revisions(repair.name, known, world);
    if (!all.empty())
      std::erase_if(strays, [&](const Revision& r) {
        return r.number >= all.front().number && (!branch.empty() || r.number <= all.back().number);
      });
    all.insert(all.end(), strays.begin(), strays.end());
    std::stable_sort(all.begin(), all.end(), [](const Revision& a, const Revision& b) { return a.number < b.number; });
  }
  const bool gaps = !complete || branch.empty();  // else they are from an earlier mending
  int next = 1;
  for (Revision& r : all) {
    for (; gaps && next < r.number; ++next) repair.dropped.push_back(fmt::format("revision {}", next));
    next = r.number + 1;
    if (is_whole(repair.name, r, world))
      repair.kept.push_back(std::move(r));
    else
      repair.dropped.push_back(fmt::format("revision {}", r.number));
  }
  if (tip_is_lost && !followed.others.empty() && repair.kept.empty())
    repair.dropped.push_back(fmt::format("its branch, which leads to the history of {}", followed.others));
  // the very newest is lost when not even its commit can be read
  else if (tip_is_lost && followed.others.empty())
    repair.dropped.push_back(fmt::format("what came after revision {}", next - 1));
}

namespace {

/// What is applied by the store's word, if it is kept; "" as well where a ref was moved to another's history.
std::string applied_of(const Repair& repair, const World& world) {
  std::string applied = tip_of(applied_ref(repair.name), world);
  const std::string owner = owner_of_commit(applied, world);
  return owner.empty() || owner == repair.name ? applied : "";
}

}  // namespace

std::string find_live(const Repair& repair, const Tree& tree, const World& world) {
  const std::string applied = applied_of(repair, world);
  for (auto r = repair.kept.rbegin(); r != repair.kept.rend(); ++r) {
    if (r->deletes || (!applied.empty() && r->commit != applied)) continue;
    if (!applied.empty() || load_version(world, r->commit, tree).tree == tree) return r->commit;
  }
  return {};
}

std::string live_without_tree(const Repair& repair, const World& world) {
  const std::string applied = applied_of(repair, world);
  for (const Revision& r : repair.kept)
    if (r.commit == applied) return applied;
  for (auto r = repair.kept.rbegin(); r != repair.kept.rend(); ++r) {
    if (r->outcome == "applied") return r->deletes ? "" : r->commit;
    if (r->outcome.empty() || r->outcome == "deleted" || r->outcome == unknown_outcome) break;
  }
  return {};
}

}  // namespace orctl
