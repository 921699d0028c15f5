#include "engine/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/carrier.h"
#include "engine/config.h"
#include "engine/confirm.h"
#include "engine/leftovers.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr Millis patience(1000);  // who waits longer is told what for

FileLock lock_instance(const std::string& name, World& world, const Layout& layout, Millis wait,
                       const std::function<void(const std::string&)>& note) {
  const std::string path = layout.lock(name);
  world.fs.make_folders(path.substr(0, path.rfind('/')));
  if (wait <= patience) return world.fs.lock(path, wait, name);
  try {
    return world.fs.lock(path, patience, name);
  } catch (const Error& e) {
    if (e.exit() != Exit::conflict) throw;
    note(fmt::format("{}; waiting for at most {:.3g} s", e.what(), static_cast<double>(wait.count()) / 1000));
  }
  return world.fs.lock(path, wait - patience, name);
}

/// Where the instance's tree is by the store's word; the usual place when it has none.
std::string folder_of_tree(const std::string& name, const World& world) {
  const auto newest = revisions(world, name, 1);
  const auto applied = applied_revision(world, name);
  if (!applied && (newest.empty() || newest.front().deletes)) return name;
  return tree_folder(load_manifest(world, name, applied ? applied->commit : newest.front().commit).spec);
}

/// What kills left. A fault of it stops no change.
void tidy(const std::string& name, World& world, const Layout& layout,
          const std::function<void(const std::string&)>& note) {
  try {
    remove_leftovers(name, folder_of_tree(name, world), world, layout);
  } catch (const Error& e) {
    note(fmt::format("{}: what an earlier command left is still there: {}", name, e.what()));
  }
}

/// What orctl keeps of all instances is private, whatever the umask; also what an older orctl left open.
void close_library(World& world, const Layout& layout) {
  const std::string library = layout.library(), group = world.env.is_root() ? sound_config(world).group : "";
  if (!world.fs.exists(library)) {
    world.fs.make_folders(library.substr(0, library.rfind('/')));
    world.fs.make_folders(library, 0700);
  }
  for (const std::string& path : {library, layout.store(), layout.audit()}) {
    // what stands in the store's place instead is told by who needs the store
    const bool is_store = path == layout.store() && !world.git.file_faults().empty() && !world.git.exists();
    if (world.fs.exists(path) && !is_store) world.fs.keep_private(path, group);
  }
}

bool can_be_observed(const std::string& name, const World& world, const Layout& layout) {
  try {
    observe(name, world, layout);
    return true;
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

}  // namespace

Held::Held(const std::vector<std::string>& names, World& world, const Layout& layout, const Request& request,
           const std::function<void(const std::string&)>& note) {
  close_library(world, layout);
  const std::set<std::string> sorted(names.begin(),
                                     names.end());  // one order for all, so that two calls never wait for each other
  for (const std::string& name : sorted) locks_.push_back(lock_instance(name, world, layout, request.lock_wait, note));
  for (const std::string& name : sorted) try {
      finish_interrupted(name, world, layout, request, note);
      settle_unconfirmed(name, world, layout, request, note);
      tidy(name, world, layout, note);
    } catch (const Error& e) {
      stop_if_interrupted();
      if (request.history == Request::History::needed || e.exit() == Exit::broken ||
          can_be_observed(name, world, layout))
        throw;
      note(fmt::format("{}: {}; what an interrupted change left is left so", name, e.what()));
    }
}

std::vector<Outcome> apply(const Plan& plan, World& world, const Layout& layout, const Request& request,
                           const std::function<void(const std::string&)>& progress) {
  std::vector<Outcome> outcomes;
  if (!request.ends_wait) refuse_unconfirmed(plan, world, layout);
  for (const InstancePlan& one : plan.instances) {
    outcomes.push_back(Carrier(one, world, layout, request, progress).run());
    drop_stale_wait(one.name, world, layout, request, progress);
    const Version& version = one.after ? *one.after : *one.before;
    if (!leftovers(one.name, tree_folder(version.spec), world, layout).empty()) tidy(one.name, world, layout, progress);
    if (outcomes.back().error) break;
  }
  try {
    close_library(world, layout);  // the first change made the store and the audit log
  } catch (const Error& e) {
    progress(fmt::format("what orctl keeps may be open to others until the next change: {}", e.what()));
  }
  return outcomes;
}

Exit exit_of(const std::vector<Outcome>& outcomes) {
  const auto failed =
      std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.error.has_value(); });
  if (failed == outcomes.end()) return Exit::ok;
  const bool some =
      std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return !o.error && o.changed; });
  return some && failed->error->exit() != Exit::broken ? Exit::partial : failed->error->exit();
}

}  // namespace orctl
