#include "change/store_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "change/confirm.h"
#include "change/request.h"
#include "change/tree_manifest.h"
#include "live/evidence.h"
#include "live/observe.h"
#include "live/salvage.h"
#include "manifest/load.h"
#include "render/render.h"
#include "store/audit.h"
#include "store/events.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/repair.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

/// A process that runs must serve what is about to be called its revision.
void prove(const Observed& now, const Version& version, const World& world, const Request& request) {
  if (now.pid == 0) return;
  try {
    Version running = version;
    running.digest = carried_digest(version.tree);
    Evidence evidence;
    verify(world, now.name, running, evidence, request.verify_limit);
  } catch (const Error& e) {
    throw Error(e.exit(),
                fmt::format("{} does not serve what lies in its tree, and nothing was changed: {}", now.name, e.what()),
                "make it serve its tree: orctl restart " + now.name);
  }
}

/// Objects of the live trees that the store has lost, by their ids: those that a lost folder names are known only once
/// it is back.
void heal_from_trees(const std::vector<std::string>& names, World& world) {
  std::vector<Tree> trees;
  for (const std::string& name : names)
    if (const Observed now = salvage(name, Error(Exit::target, ""), world); now.version)
      trees.push_back(stored_tree(*now.version));
  for (std::set<std::string> before;;) {
    std::set<std::string> lost;
    for (const Git::Fault& fault : world.git.check()) lost.insert(fault.what);
    if (lost == before) return;
    for (const Tree& tree : trees) world.git.heal_objects(tree, lost);
    before = std::move(lost);
  }
}

/// Refs that are no instance's and lead to nothing whole: nobody here needs them.
void clear_strange_refs(World& world) {
  for (const Git::Fault& fault : world.git.check()) {
    if (fault.ref.empty() || fault.ref.starts_with("refs/notes/") || !instance_of_ref(fault.ref).empty()) continue;
    world.git.move_aside(world.git.path() + "/" + fault.ref);
    world.git.remove_ref(fault.ref);
  }
}

/// Tags go along with the commits that they name; those of a revision that is lost go with it.
void follow_tags(const std::string& name, const std::map<std::string, std::string>& moved, World& world,
                 const std::function<void(const std::string&)>& tell) {
  for (const Git::Ref& ref : world.git.refs(tag_ref(name, ""))) {
    const auto now = moved.find(ref.id);
    if (now != moved.end() && now->second == ref.id) continue;
    if (now != moved.end()) {
      world.git.set_ref(ref.name, now->second);
      continue;
    }
    world.git.move_aside(world.git.path() + "/" + ref.name);
    world.git.remove_ref(ref.name);
    tell(fmt::format("{}: the tag '{}' is gone with its revision", name, ref.name.substr(tag_ref(name, "").size())));
  }
}

}  // namespace

Repair plan_repair(const std::string& name, const std::optional<Loaded>& manifest, const World& world,
                   const Request& request) {
  Repair repair;
  repair.name = name;
  sort_out_history(repair, world);
  const std::string own = find_own_tree(name, world);
  repair.on_host = !own.empty();
  if (!repair.dropped.empty()) repair.questions.push_back(fmt::format("{} loses {}", name, join(repair.dropped, ", ")));
  if (!repair.on_host) {
    repair.applied = live_without_tree(repair, world);
    return repair;
  }
  const Observed now = salvage(name, Error(Exit::target, ""), world);
  if (!now.version) throw Error(Exit::refused, fmt::format("the live tree '{}' cannot be read", own), "orctl status");
  repair.applied = find_live(repair, now.version->tree, world);
  if (!repair.applied.empty()) return repair;
  Version version = describe_tree(repair, manifest, now.version->tree, world);
  version.tree = now.version->tree;
  version.unit = now.version->unit;
  version.digest = tree_digest(version.tree);
  if (world.layout.tree(tree_folder(version.spec)) != own)
    throw Error(Exit::refused,
                fmt::format("the manifest's layout is '{}', and '{}' is the live tree of {}", tree_folder(version.spec),
                            own, name),
                "give the manifest that the tree was made of");
  if (version.digest != carried_digest(version.tree))
    repair.questions.push_back(name + " has a tree that was changed by hand, which becomes its revision");
  refuse_secrets(version, manifest, own, world);
  prove(now, version, world, request);
  repair.live = std::move(version);
  return repair;
}

void clear_way(World& world, const Request& request) {
  world.git.heal_places(request.lock_wait);
  if (!world.git.exists() || known_instances(world).empty()) return;
  const FileLock lock = world.git.lock(request.lock_wait);
  try {
    if (!world.git.ref(notes_of_all)) world.git.heal_notes();
  } catch (const Error&) {
    stop_if_interrupted();  // repair_store() mends what is damaged
  }
}

void heal_store(const std::vector<std::string>& names, World& world, const Request& request) {
  const FileLock lock = world.git.lock(request.lock_wait);
  world.git.heal_head();
  world.git.heal_packed_refs();
  for (const Git::Fault& fault : world.git.check())
    if (fault.kind == "pack") world.git.heal_pack(fault.file);
  heal_from_trees(names, world);
  clear_strange_refs(world);
  const auto faults = world.git.check();
  const bool no_notes = tip_of(notes_of_all, world).empty();
  if (no_notes ||
      std::any_of(faults.begin(), faults.end(), [](const auto& f) { return f.ref.starts_with("refs/notes/"); }))
    world.git.heal_notes();
}

/// What the store calls live was proved, whatever became of the note that said so: else it would look as if a kill had
/// come between the two.
void note_live(World& world) {
  for (const std::string& name : recorded_ids(world)) try {
      const auto live = applied_revision(world, name);
      if (live && live->outcome.empty() && !live->deletes) note_outcome(world, live->commit, "applied", "", Millis(0));
    } catch (const Error&) {
      stop_if_interrupted();  // what is damaged is mended instance by instance
    }
}

void repair_store(const std::vector<std::string>& names, World& world, const Request& request) {
  heal_store(names, world, request);
  note_live(world);
}

int repair_instance(const Repair& repair, World& world, const Request& request,
                    const std::function<void(const std::string&)>& tell) {
  std::optional<FileLock> lock = world.git.lock(request.lock_wait);
  std::string tip, live;
  std::map<std::string, std::string> moved;  // the commits of what is kept, from what they were
  int number = 0;
  for (const Revision& r : repair.kept) {
    const std::string parent = world.git.commit(r.commit).parent;
    const std::string commit = parent == tip ? r.commit : world.git.commit_again(r.commit, tip);
    moved[r.commit] = commit;
    if (r.commit == repair.applied) live = commit, number = r.number;
    tip = commit;
  }
  const auto place = [&](const std::string& ref, const std::string& commit) {
    try {
      if (world.git.ref(ref).value_or("") == commit) return;
    } catch (const Error&) {
      world.git.move_aside(world.git.path() + "/" + ref);
    }
    if (commit.empty())
      world.git.remove_ref(ref);
    else
      world.git.set_ref(ref, commit);
  };
  place(branch_of(repair.name), tip);
  if (repair.live) {
    live = commit_version(world, repair.name, tip, repair.live, request.note);
    number = revision_number(world.git.commit(live));
  }
  place(applied_ref(repair.name), live);
  if (repair.live) note_outcome(world, live, "applied", "", Millis(0));
  if (heal_events(world, repair.name))
    tell(fmt::format("{}: what its history told beside its revisions is kept as far as it can be read", repair.name));
  follow_tags(repair.name, moved, world, tell);
  lock.reset();  // who tells the history of it takes it
  const Follow follow = {std::move(moved), live, number, repair.live ? Follow::Live::made : Follow::Live::kept};
  follow_wait(repair.name, follow, request, world, tell);
  Value what = Value::object();
  if (number != 0) what.set("revision", number);
  what.set("outcome", "repaired");
  if (!repair.dropped.empty()) what.set("cause", "dropped: " + join(repair.dropped, ", "));
  write_audit(world, repair.name, request.note, what, tell);
  return number;
}

void clear_store(World& world, const Request& request) {
  const FileLock lock = world.git.lock(request.lock_wait);
  for (const Git::Fault& fault : world.git.check())
    if (fault.ref.empty() && fault.kind == "object") world.git.move_aside(fault.file);
}

}  // namespace orctl
