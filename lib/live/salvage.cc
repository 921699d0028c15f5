#include "live/salvage.h"

#include <fmt/format.h>

#include <set>

#include "host/supervisor.h"
#include "host/target.h"
#include "live/observe.h"
#include "model/read.h"
#include "render/render.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {

Value bare_spec(const std::string& name, const std::string& folder) {
  Value spec = Value::object();
  if (!can_be_instance(name)) {
    const IdParts parts = parts_of_id(name);
    const Kind* kind = find_kind_by_word(parts.word);
    spec.set("kind", kind == nullptr ? "Instance" : kind->name);
    spec.set("name", parts.name);
    return schema_of(spec).with_defaults(spec);
  }
  spec.set("name", name);
  if (!folder.empty()) spec.set("layout", folder);
  spec.set("nginx", Value::object());
  for (const char* list : {"listener", "upstream", "route", "certificate"}) spec.set(list, Value::array());
  return Schema::get("instance").with_defaults(spec);
}

std::optional<Value> readable_spec(const std::string& name, const World& world) {
  const auto spec_of = [&](const std::string& commit) -> std::optional<Value> {
    try {
      return load_manifest(world, name, commit)->spec;
    } catch (const Error&) {
      stop_if_interrupted();
    }
    return std::nullopt;
  };
  try {
    if (const auto live = world.git.ref(applied_ref(name)))
      if (auto spec = spec_of(*live)) return spec;
  } catch (const Error&) {
    stop_if_interrupted();
  }
  std::optional<Error> end;
  for (const Revision& r : readable_revisions(world, name, 0, end))
    if (!r.deletes)
      if (auto spec = spec_of(r.commit)) return spec;
  return std::nullopt;
}

Observed salvage(const std::string& name, const Error& why, const World& world) {
  Observed o;
  o.name = name;
  o.broken = why.within(name);
  try {
    o.applied = applied_revision(world, name);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  if (can_be_instance(name)) o.tree_path = find_own_tree(name, world);
  const size_t top = world.layout.trees().size() + 1;
  const std::string folder = o.tree_path.empty() ? "" : o.tree_path.substr(top);
  Version version;
  version.spec = readable_spec(name, world).value_or(bare_spec(name, folder));
  if (!folder.empty()) version.spec.set("layout", folder);
  if (o.tree_path.empty()) o.tree_path = world.layout.tree(tree_folder(version.spec));
  try {
    version.tree = world.fs.read_tree(o.tree_path, tree_ownership(version.spec, world));
    version.digest = carried_digest(version.tree);
    if (has_process(version.spec) && world.fs.exists(world.layout.unit(name)))
      version.unit = world.fs.read(world.layout.unit(name));
    o.version = std::move(version);
  } catch (const Error&) {
    stop_if_interrupted();
    o.version.reset();
  }
  if (!can_be_instance(name)) return o;
  try {
    observe_process(o, world, NginxMasters(world));
  } catch (const Error& e) {
    stop_if_interrupted();
    o.problem = e.what();
  }
  return o;
}

}  // namespace orctl
