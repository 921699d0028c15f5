#include "change/rollback.h"

#include <fmt/format.h>

#include "change/guards.h"
#include "host/target.h"
#include "render/render.h"

namespace orctl {

Revision choose_revision(const std::string& name, int number, const World& world) {
  return number == 0 ? revision_before_live(world, name) : find_revision(world, name, number);
}

Version version_to_roll_back_to(const Revision& revision, const std::string& name, const World& world,
                                const std::function<void(const Diagnostic&)>& report) {
  if (revision.deletes)
    throw Error(Exit::refused,
                fmt::format("revision {} of {} deleted it; there is nothing to go back to", revision.number, name),
                "choose another: orctl history " + name);
  std::vector<std::string> missing;
  const Value spec = load_manifest(world, name, revision.commit)->spec;
  const Tree live = world.fs.read_tree(world.layout.tree(tree_folder(spec)), tree_ownership(spec, world));
  Version version = load_version(world, revision.commit, live, &missing);
  if (!missing.empty())
    throw Error(
        Exit::refused,
        fmt::format("revision {} of {} has the {} '{}', which is not in the live tree any more", revision.number, name,
                    missing.front().ends_with(".key") ? "private key" : "file", missing.front()),
        "the store holds no keys, and of certs/ nothing but plain PEM: put the file back into the manifest's "
        "files and apply");
  refuse_by_policy(version, revision, name, world, report);
  return version;
}

}  // namespace orctl
