#include "engine/store_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "engine/audit.h"
#include "engine/overlay.h"
#include "engine/salvage.h"
#include "model/read.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr size_t max_spec = size_t{16} << 20;
const std::string branches = "refs/heads/", applied_refs = "refs/orctl/applied/", notes = "refs/notes/orctl";

std::string instance_of_ref(const std::string& ref) {
  for (const std::string& prefix : {branches, applied_refs})
    if (ref.starts_with(prefix)) return ref.substr(prefix.size());
  return {};
}

int number_of(const World& world, const std::string& commit) {
  try {
    return revision_number(world.git.commit(commit));
  } catch (const Error&) {
    stop_if_interrupted();
    return 0;
  }
}

/// Whether all of a revision can be read.
bool is_whole(const World& world, const std::string& commit) {
  try {
    world.git.files(commit);
    return true;
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

/// Commits that no ref leads to any more, since one between is lost: known by the spec that they hold.
std::vector<Revision> stray_revisions(const std::string& name, const std::set<std::string>& known, const World& world) {
  std::map<int, Revision> found;
  for (const std::string& id : world.git.all_commits()) {
    if (known.contains(id)) continue;
    try {
      if (load_manifest(world, id).spec.at("name").as_string() != name) continue;
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

/// Adds the history from a commit on, newest first; false when it does not come to its beginning.
bool follow(std::string id, std::vector<Revision>& out, const World& world) {
  try {
    while (!id.empty()) {
      out.push_back(revision_at(world, id));
      id = world.git.commit(id).parent;
    }
    return true;
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

std::string tip_of(const std::string& ref, const World& world) {
  try {
    return world.git.ref(ref).value_or("");
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
}

/// What of the history can be kept, oldest first, and words for the rest. Where the branch is lost, what is applied
/// leads to most of it, and what no ref leads to is found by what it holds.
void sort_out_history(Repair& repair, const World& world) {
  const std::string branch = tip_of(branch_of(repair.name), world);
  std::vector<Revision> all;
  const bool complete = follow(branch.empty() ? tip_of(applied_ref(repair.name), world) : branch, all, world);
  const bool tip_is_lost = !branch.empty() && all.empty();
  std::reverse(all.begin(), all.end());
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
    if (is_whole(world, r.commit))
      repair.kept.push_back(std::move(r));
    else
      repair.dropped.push_back(fmt::format("revision {}", r.number));
  }
  // the very newest is lost when not even its commit can be read
  if (tip_is_lost) repair.dropped.push_back(fmt::format("what came after revision {}", next - 1));
}

/// The kept revision that is live: the applied one, or else the newest that is what lies on disk.
std::string find_live(const Repair& repair, const Tree& tree, const World& world) {
  std::string applied;
  try {
    applied = world.git.ref(applied_ref(repair.name)).value_or("");
  } catch (const Error&) {
    stop_if_interrupted();
  }
  for (auto r = repair.kept.rbegin(); r != repair.kept.rend(); ++r) {
    if (r->deletes || (!applied.empty() && r->commit != applied)) continue;
    if (!applied.empty() || load_version(world, r->commit, tree).tree == tree) return r->commit;
  }
  return {};
}

std::optional<Instance> instance_of_spec(const Value& spec) {
  Instance instance;
  const auto name = spec.find("name");
  if (name == nullptr || !name->is_string() || !check_name(name->as_string()).name) return std::nullopt;
  instance.name = known_name(name->as_string());
  instance.spec = Schema::get("instance").with_defaults(spec);
  return instance;
}

/// Whether this spec gives exactly the tree that is there.
bool gives(const Value& spec, const Tree& tree, const World& world, const Layout& layout) {
  try {
    const auto instance = instance_of_spec(spec);
    if (!instance) return false;
    const Rendered made = render(*instance, overlay_of(tree), find_target(*instance, world, layout), layout);
    return made.digest == carried_digest(tree) && made.tree == tree;
  } catch (const std::exception&) {
    stop_if_interrupted();
    return false;
  }
}

/// What a blob says as the spec of a revision, or as a manifest that was read without a fleet.
std::optional<Version> version_in(const std::string& text, const std::string& name) {
  Version out;
  Diagnostics found;
  const bool json = text.starts_with('{');
  out.manifest_name = json ? "manifest.json" : "manifest.toml";
  if (json)
    if (auto spec = read_json({"spec.json", text}, found);
        spec && spec->is_object() && spec->find("kind") == nullptr && spec->find("name") != nullptr) {
      out.spec = std::move(*spec);
      out.manifest = text;
      return out;
    }
  auto manifest = read_manifest({out.manifest_name, text}, found);
  if (!manifest || manifest->kind != "Instance") return std::nullopt;
  Fleet fleet;
  fleet.rules.envs = {known_name(name).env};
  const auto instance = make_instance(std::move(*manifest), &fleet, found);
  if (!instance || instance->name.str() != name) return std::nullopt;
  out.spec = instance->spec;
  out.manifest = text;
  return out;
}

/// The spec or manifest of the instance in some blob that the store still holds, and that gives the tree.
std::optional<Version> found_in_blobs(const std::string& name, const Tree& tree, const World& world,
                                      const Layout& layout) {
  if (!check_name(name).name) return std::nullopt;
  const auto blobs = world.git.all_blobs(
      max_spec, [&](const std::string& text) { return text.find("\"" + name + "\"") != std::string::npos; });
  for (const std::string& text : blobs) {
    auto version = version_in(text, name);
    if (!version || !gives(version->spec, tree, world, layout)) continue;
    version->spec = Schema::get("instance").with_defaults(version->spec);
    return version;
  }
  return std::nullopt;
}

/// Spec and manifest for a tree: those of the revision that gives it, a lost one's, or the given manifest's.
Version describe_tree(const Repair& repair, const std::optional<Loaded>& manifest, const Tree& tree, const World& world,
                      const Layout& layout) {
  if (manifest) return desired_version(*manifest, world, layout);
  for (auto r = repair.kept.rbegin(); r != repair.kept.rend(); ++r) {
    if (r->deletes) continue;
    Version kept = load_manifest(world, r->commit);
    if (gives(kept.spec, tree, world, layout)) return kept;
  }
  try {  // its own, of which other files are damaged
    if (const auto live = world.git.ref(applied_ref(repair.name))) return load_manifest(world, *live);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  if (auto version = found_in_blobs(repair.name, tree, world, layout)) return std::move(*version);
  throw Error(Exit::refused,
              fmt::format("{}: nothing in the version store tells which manifest gives its live tree", repair.name),
              fmt::format("name it: orctl store repair {} -f MANIFEST", repair.name));
}

/// A process that runs must serve what is about to be called its revision.
void prove(const Observed& now, const Version& version, const World& world, const Layout& layout,
           const Request& request) {
  if (now.pid == 0) return;
  try {
    Version running = version;
    running.digest = carried_digest(version.tree);
    Evidence evidence;
    verify(world, layout, now.name, running, evidence, request.verify_limit);
  } catch (const Error& e) {
    throw Error(e.exit(),
                fmt::format("{} does not serve what lies in its tree, and nothing was changed: {}", now.name, e.what()),
                "make it serve its tree: orctl restart " + now.name);
  }
}

}  // namespace

std::string StoreFault::mend() const {
  return lost ? mend_lost_history(instance) : std::string(trim("orctl store repair " + instance));
}

std::string StoreFault::text() const {
  std::string out = fault.kind + " " + fault.what + ": " + fault.why;
  if (instance.empty()) return out;
  out += "; needed by " + instance;
  if (revision != 0) out += fmt::format(" (revision {}{}{})", revision, fault.place.empty() ? "" : ", ", fault.place);
  return out;
}

namespace {

/// The newest outcome of an instance is one of the last that were noted: when the notes are gone, so is that.
void tell_lost_notes(const World& world, std::vector<StoreFault>& out) {
  try {
    if (world.git.ref(notes)) return;
  } catch (const Error&) {
    return stop_if_interrupted();  // told as a damaged ref
  }
  for (const std::string& name : known_instances(world)) {
    std::optional<Error> end;
    for (const Revision& r : readable_revisions(world, name, 1, end))
      if (r.outcome.empty())
        out.push_back(
            {{"ref", notes, "it is missing, and with it the outcome", "", notes, r.commit, ""}, name, r.number});
  }
}

}  // namespace

std::vector<StoreFault> verify_store(const World& world) {
  std::vector<StoreFault> out;
  std::set<std::string> told;
  for (Git::Fault& fault : world.git.check()) {
    StoreFault one;
    one.instance = instance_of_ref(fault.ref);
    if (!told.insert(fault.kind + fault.what + " " + one.instance).second) continue;
    if (!one.instance.empty() && !fault.commit.empty()) one.revision = number_of(world, fault.commit);
    one.fault = std::move(fault);
    out.push_back(std::move(one));
  }
  for (const std::string& name : present_instances(world)) {
    const auto gone = [&](const std::string& ref, const char* why) {
      out.push_back({{"ref", ref, why, "", ref, "", ""}, name, 0});
    };
    try {
      if (!world.git.ref(branch_of(name))) gone(branch_of(name), "it is missing");
      if (has_lost_applied(world, name)) gone(applied_ref(name), "it is missing, and its last revision was applied");
    } catch (const Error&) {
      stop_if_interrupted();  // told above
    }
  }
  tell_lost_notes(world, out);
  for (const auto& [name, tree] : lost_instances(world, Layout(world.root)))
    out.push_back({{"ref", branch_of(name), fmt::format("it is missing, and '{}' is its tree", tree), "", "", "", ""},
                   name,
                   0,
                   true});
  return out;
}

Repair plan_repair(const std::string& name, const std::optional<Loaded>& manifest, const World& world,
                   const Layout& layout, const Request& request) {
  Repair repair;
  repair.name = name;
  sort_out_history(repair, world);
  const std::string own = find_own_tree(name, world, layout);
  repair.on_host = !own.empty();
  if (!repair.dropped.empty()) repair.questions.push_back(fmt::format("{} loses {}", name, join(repair.dropped, ", ")));
  if (!repair.on_host) return repair;
  const Observed now = salvage(name, Error(Exit::target, ""), world, layout);
  if (!now.version) throw Error(Exit::refused, fmt::format("the live tree '{}' cannot be read", own), "orctl status");
  repair.applied = find_live(repair, now.version->tree, world);
  if (!repair.applied.empty()) return repair;
  Version version = describe_tree(repair, manifest, now.version->tree, world, layout);
  version.tree = now.version->tree;
  version.unit = now.version->unit;
  version.digest = tree_digest(version.tree);
  if (layout.tree(tree_folder(version.spec)) != own)
    throw Error(Exit::refused,
                fmt::format("the manifest's layout is '{}', and '{}' is the live tree of {}", tree_folder(version.spec),
                            own, name),
                "give the manifest that the tree was made of");
  if (version.digest != carried_digest(version.tree))
    repair.questions.push_back(name + " has a tree that was changed by hand, which becomes its revision");
  prove(now, version, world, layout, request);
  repair.live = std::move(version);
  return repair;
}

void clear_way(World& world, const Request& request) {
  world.git.heal_places(request.lock_wait);
  if (!world.git.exists() || known_instances(world).empty()) return;
  const FileLock lock = world.git.lock(request.lock_wait);
  try {
    if (!world.git.ref(notes)) world.git.heal_notes();
  } catch (const Error&) {
    stop_if_interrupted();  // repair_store() mends what is damaged
  }
}

void repair_store(const std::vector<std::string>& names, World& world, const Layout& layout, const Request& request) {
  const FileLock lock = world.git.lock(request.lock_wait);
  world.git.heal_head();
  world.git.heal_packed_refs();
  for (const Git::Fault& fault : world.git.check())
    if (fault.kind == "pack") world.git.heal_pack(fault.file);
  // what is on disk has the very ids that it had in the store
  for (const std::string& name : names) {
    const Observed now = salvage(name, Error(Exit::target, ""), world, layout);
    if (now.version) world.git.heal_objects(stored_tree(*now.version));
  }
  const auto faults = world.git.check();
  const bool no_notes = tip_of(notes, world).empty();
  if (no_notes ||
      std::any_of(faults.begin(), faults.end(), [](const auto& f) { return f.ref.starts_with("refs/notes/"); }))
    world.git.heal_notes();
}

int repair_instance(const Repair& repair, World& world, const Layout& layout, const Request& request,
                    const std::function<void(const std::string&)>& tell) {
  const FileLock lock = world.git.lock(request.lock_wait);
  std::string tip, live;
  int number = 0;
  for (const Revision& r : repair.kept) {
    const std::string parent = world.git.commit(r.commit).parent;
    const std::string commit = parent == tip ? r.commit : world.git.commit_again(r.commit, tip);
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
  Value what = Value::object();
  what.set("revision", number);
  what.set("outcome", "repaired");
  if (!repair.dropped.empty()) what.set("cause", "dropped: " + join(repair.dropped, ", "));
  write_audit(world, layout, repair.name, request.note, what, tell);
  return number;
}

void clear_store(World& world, const Request& request) {
  const FileLock lock = world.git.lock(request.lock_wait);
  for (const Git::Fault& fault : world.git.check())
    if (fault.ref.empty() && fault.kind == "object") world.git.move_aside(fault.file);
}

}  // namespace orctl
