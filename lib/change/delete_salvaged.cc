#include "change/delete_salvaged.h"

#include "change/confirm.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "live/observe.h"
#include "live/salvage.h"
#include "render/render.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

/// Refs that lead to nothing readable are kept; the others go as those of any deleted instance.
void remove_refs(const Observed& now, World& world, const Request& request) {
  if (!world.git.exists()) return;
  const FileLock lock = world.git.lock(request.lock_wait);
  world.git.move_aside(world.git.path() + "/" + applied_ref(now.name));
  world.git.remove_ref(applied_ref(now.name));
  try {
    const std::string head = world.git.ref(branch_of(now.name)).value_or("");
    if (head.empty()) return;
    const std::string commit = commit_version(world, now.name, head, std::nullopt, request.note);
    note_outcome(world, commit, "deleted", "", Millis(0));
  } catch (const Error&) {
    world.git.move_aside(world.git.path() + "/" + branch_of(now.name));
    world.git.remove_ref(branch_of(now.name));
  }
}

}  // namespace

void delete_salvaged(const Observed& now, World& world, const Request& request,
                     const std::function<void(const std::string&)>& tell) {
  const Supervisor supervisor(world.layout, now.name, now.tree_path);
  const std::string own = find_own_tree(now.name, world);
  const Value spec = now.version ? now.version->spec : readable_spec(now.name, world).value_or(bare_spec(now.name, ""));
  supervisor.stop(world, drain_time(spec));
  if (!own.empty()) {
    const std::string folder = own.substr(world.layout.trees().size() + 1);
    for (const std::string& place : {own, world.layout.stage(folder), world.layout.aside(folder)})
      world.fs.remove(place);
    for (std::string up = own.substr(0, own.rfind('/')); up.size() > world.layout.trees().size();
         up.resize(up.rfind('/'))) {
      if (!world.fs.exists(up) || !world.fs.list(up).empty()) break;
      world.fs.remove(up);
    }
  }
  supervisor.write_unit(world, "", Supervisor::AtBoot::keep);
  supervisor.remove(world, supervisor.belongings(world, spec));
  end_wait(now.name, world);
  remove_refs(now, world, request);
  Value what = Value::object();
  what.set("outcome", "deleted");
  what.set("cause", now.broken ? now.broken->what() : "");
  write_audit(world, now.name, request.note, what, tell);
}

}  // namespace orctl
