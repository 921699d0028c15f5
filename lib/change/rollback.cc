#include "change/rollback.h"

#include <fmt/format.h>

#include "change/guards.h"
#include "change/restore.h"
#include "host/target.h"
#include "manifest/find_manifests.h"
#include "render/render.h"
#include "store/revision_name.h"

namespace orctl {

Revision choose_revision(const std::string& name, const std::string& word, const World& world) {
  return word.empty() ? revision_before_live(world, name) : find_revision(world, name, word);
}

Version version_to_roll_back_to(const Revision& revision, const std::string& name, const World& world,
                                const RollbackWish& wish) {
  if (revision.deletes)
    throw Error(Exit::refused,
                fmt::format("revision {} of {} deleted it; there is nothing to go back to", revision.number, name),
                "choose another: orctl history " + name);
  const Value spec = load_manifest(world, name, revision.commit)->spec;
  Restoring from{name, fmt::format("revision {}", revision.number)};
  from.live = world.fs.read_tree(world.layout.tree(tree_folder(spec)), tree_ownership(spec, world));
  from.kept = world.fs.read_tree(world.layout.confirm_keys(name));
  from.ended = Restoring::Ended::may_stay_renewed;
  for (const std::string& file : wish.keys)
    from.given.push_back({file, {read_named_file(file, max_overlay_file_bytes, world), rights::secret_file}});
  Version version = restore_version(revision.commit, from, world, wish.tell);
  refuse_by_policy(version, revision, name, world, wish.report);
  return version;
}

}  // namespace orctl
