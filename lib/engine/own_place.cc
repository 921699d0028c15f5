#include "engine/own_place.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/host_rules.h"
#include "model/instance_user.h"
#include "model/read.h"
#include "model/schema.h"
#include "sys/beneath.h"

namespace orctl {
namespace {

constexpr size_t max_settings = size_t{1} << 20;

/// The instance that a tree is of, by the state folder that its gateway is told; "" when it is no tree of orctl.
std::string instance_in(const std::string& tree, const World& world) {
  const std::string file = tree + "/settings.json";
  const auto stat = world.fs.stat(file);
  if (!stat || stat->kind != Fs::Kind::file) return {};
  Diagnostics found;
  const auto settings = read_json({file, world.fs.read(file, max_settings)}, found);
  const Value* state = settings && settings->is_object() ? settings->find("state") : nullptr;
  if (state == nullptr || !state->is_string()) return {};
  return state->as_string().substr(state->as_string().rfind('/') + 1);
}

}  // namespace

void require_own_place(const std::string& name, const std::string& folder, const World& world, const Layout& layout) {
  const std::string tree = layout.tree(folder);
  const auto refuse = [&](const std::string& what) {
    throw Error(Exit::refused, fmt::format("{}: its tree would be '{}', and {}", name, tree, what),
                "choose another layout: orctl explain instance.layout");
  };
  each_prefix(tree, layout.trees().size(), [&](const std::string& part) {
    if (!world.fs.exists(part)) return;
    const std::string owner = instance_in(part, world);
    if (part != tree && !owner.empty()) refuse(fmt::format("'{}' is the tree of {}", part, owner));
    if (part != tree || owner == name || world.fs.list(part).empty()) return;
    refuse(owner.empty() ? "something else is there" : "that is the tree of " + owner);
  });
}

void give_secrets(World& world, const Layout& layout, const Value& spec) {
  if (world.supervision != Supervision::systemd) return;
  const std::string own = secrets_folder(spec.at("name").as_string());
  Schema::get("instance")
      .visit_authority(spec, [&](Authority authority, const Value& file, const Value&, const std::string&) {
        if (authority != Authority::secret_file || !file.as_string().starts_with(own)) return;
        const std::string path = layout.host_path(file.as_string()), folder = path.substr(0, path.rfind('/'));
        if (!world.fs.exists(path)) return;  // the check of the tree says so
        world.fs.keep_private(layout.host_path(own.substr(0, own.size() - 1)), instance_user(spec));
        if (folder + "/" != layout.host_path(own)) world.fs.keep_private(folder, instance_user(spec));
        world.fs.keep_private(path, instance_user(spec));
      });
}

}  // namespace orctl
