#include "change/remains.h"

#include "change/confirm.h"
#include "change/leftovers.h"
#include "host/supervisor.h"
#include "live/salvage.h"
#include "model/name.h"
#include "store/audit.h"
#include "store/lost.h"

namespace orctl {

Observed look_to_delete(const std::string& name, const World& world, const NginxMasters& all) {
  if (!can_be_instance(name)) return observe(name, world, all);
  world.git.exists();  // of a store that is another's, or none, nothing is said about this instance
  try {
    Observed now = observe(name, world, all);
    const auto lost = now.exists() || now.interrupted ? std::nullopt : lost_history(name, world);
    return lost ? salvage(name, *lost, world) : now;
  } catch (const Error& e) {
    stop_if_interrupted();
    return salvage(name, e, world);
  }
}

bool has_remains(const Observed& now, const World& world) {
  const std::string tree = world.layout.tree(now.name);
  if (!check_name(now.name).name || now.exists() || now.interrupted) return false;
  for (const std::string& later : {tree, world.layout.unit(now.name)})  // the store is elsewhere
    if (world.fs.exists(later)) return false;
  // the check of a tree leaves an empty one
  if (const auto pid = world.fs.stat(world.layout.pid(now.name)); pid && pid->size != 0) return false;
  return !Supervisor(world.layout, now.name, tree).remains(world).empty() ||
         !leftovers(now.name, now.name, world).empty() || world.fs.exists(world.layout.confirm(now.name));
}

void remove_remains(const std::string& name, World& world, const Request& request,
                    const std::function<void(const std::string&)>& tell) {
  const Supervisor supervisor(world.layout, name, world.layout.tree(name));
  supervisor.remove(world, supervisor.remains(world));
  end_wait(name, world);
  remove_leftovers(name, name, world);
  Value what = Value::object();
  what.set("outcome", "tidied");
  write_audit(world, name, request.note, what, tell);
}

}  // namespace orctl
