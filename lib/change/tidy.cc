#include "change/tidy.h"

#include <fmt/format.h>

#include "base/rights.h"
#include "change/leftovers.h"
#include "manifest/config.h"
#include "render/render.h"
#include "store/audit_files.h"
#include "store/history.h"

namespace orctl {
namespace {

/// Where the instance's tree is by the store's word; the usual place when it has none.
std::string folder_of_tree(const std::string& name, const World& world) {
  const auto newest = revisions(world, name, 1);
  const auto applied = applied_revision(world, name);
  if (!applied && (newest.empty() || newest.front().deletes)) return can_be_instance(name) ? name : "";
  return tree_folder(load_manifest(world, name, applied ? applied->commit : newest.front().commit)->spec);
}

}  // namespace

void tidy(const std::string& name, World& world, const std::function<void(const std::string&)>& note) {
  try {
    remove_leftovers(name, folder_of_tree(name, world), world);
  } catch (const Error& e) {
    note(fmt::format("{}: what an earlier command left is still there: {}", name, e.what()));
  }
}

void close_library(World& world) {
  const std::string library = world.layout.library(), group = world.env.is_root() ? sound_config(world).group : "";
  if (!world.fs.exists(library)) {
    world.fs.make_folders(library.substr(0, library.rfind('/')));
    world.fs.make_folders(library, rights::secret_folder);
  }
  std::vector<std::string> paths = audit_files(world);
  for (const std::string& path : {world.layout.store(), library}) paths.insert(paths.begin(), path);
  for (const std::string& path : paths) {
    // what stands in the store's place instead is told by who needs the store
    const bool is_store = path == world.layout.store() && !world.git.file_faults().empty() && !world.git.exists();
    if (world.fs.exists(path) && !is_store) world.fs.keep_private(path, group);
  }
}

}  // namespace orctl
