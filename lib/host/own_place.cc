#include "host/own_place.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/tree_paths.h"
#include "model/host_rules.h"
#include "model/instance_user.h"
#include "model/read.h"
#include "model/schema.h"
#include "sys/beneath.h"
#include "sys/trust.h"

namespace orctl {
namespace {

constexpr size_t max_settings = size_t{1} << 20;
constexpr int64_t max_secret_bytes = 64 << 10;

/// The instance that a tree is of, by the state folder that its gateway is told; "" when it is no tree of orctl.
std::string instance_in(const std::string& tree, const World& world) {
  const std::string file = tree + "/" + tree_path::settings;
  const auto stat = world.fs.stat(file);
  if (!stat || stat->kind != Fs::Kind::file) return {};
  Diagnostics found;
  const auto settings = read_json({file, world.fs.read(file, max_settings)}, found);
  const Value* state = settings && settings->is_object() ? settings->find("state") : nullptr;
  if (state == nullptr || !state->is_string()) return {};
  return state->as_string().substr(state->as_string().rfind('/') + 1);
}

/// What root hands over as a secret is what root has put there, and nobody else could have read.
void require_secret(const std::string& subject, const std::string& path, const World& world) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw Error(Exit::refused, fmt::format("{}: {}", subject, what), hint);
  };
  if (const auto found = distrust(path))
    refuse(
        fmt::format("'{}' is no secret of root's: '{}' {}", path, found->path, found->why),
        found->path == path && found->why.starts_with("belongs") ? "put the file there anew, as root" : found->remedy);
  const auto stat = world.fs.follow(path);
  if ((stat->mode & 0004) != 0)
    refuse(fmt::format("'{}' can be read by everybody (mode {:04o})", path, stat->mode), "chmod o= " + path);
}

/// Lets the members of `group`, the instance's user alone, read a secret in the instance's own folder.
void give_secret(const std::string& own, const std::string& path, const std::string& group, World& world) {
  const std::string folder = path.substr(0, path.rfind('/'));
  world.fs.keep_private(own, group);
  if (folder != own) world.fs.keep_private(folder, group);
  world.fs.keep_private(path, group);
}

}  // namespace

void require_own_place(const std::string& name, const std::string& folder, const World& world) {
  const std::string tree = world.layout.tree(folder);
  const auto refuse = [&](const std::string& what) {
    throw Error(Exit::refused, fmt::format("{}: its tree would be '{}', and {}", name, tree, what),
                "choose another layout: orctl explain instance.layout");
  };
  each_prefix(tree, world.layout.trees().size(), [&](const std::string& part) {
    if (!world.fs.exists(part)) return;
    const std::string owner = instance_in(part, world);
    if (part != tree && !owner.empty()) refuse(fmt::format("'{}' is the tree of {}", part, owner));
    if (part != tree || owner == name || world.fs.list(part).empty()) return;
    refuse(owner.empty() ? "something else is there" : "that is the tree of " + owner);
  });
}

namespace {

/// nullopt also where the caller may not look: whoever reads it says so.
std::optional<Fs::Stat> looked_at(const std::string& path, const World& world) {
  try {
    return world.fs.follow(path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

void require_named_files(const Value& spec, const World& world) {
  Schema::get("instance")
      .visit_authority(spec, [&](Authority authority, const Value& file, const Value&, const std::string& field) {
        const bool secret = authority == Authority::secret_file;
        const bool of_host = authority == Authority::certificate_file && file.as_string().starts_with('/');
        if (!secret && !of_host) return;
        const std::string path = secret ? world.layout.host_path(file.as_string()) : file.as_string();
        const auto refuse = [&](const std::string& what, const std::string& hint) {
          throw Error(Exit::refused, fmt::format("{}: {}: '{}' {}", spec.at("name").as_string(), field, path, what),
                      hint);
        };
        const auto stat = looked_at(path, world);
        if (!stat) return;  // the check of the tree says so
        if (stat->kind != Fs::Kind::file)
          refuse("is not a regular file",
                 fmt::format("put a file with the {} there", secret ? "secret" : "certificates"));
        if (secret && stat->size > max_secret_bytes)
          refuse(fmt::format("has {} bytes, and a secret has at most {}", stat->size, max_secret_bytes),
                 "put a file with the secret alone there");
      });
}

void settle_secrets(World& world, const Value& spec) {
  if (!world.env.is_root()) return;
  const std::string name = spec.at("name").as_string(), own = world.layout.host_path(secrets_folder(name));
  Schema::get("instance")
      .visit_authority(spec, [&](Authority authority, const Value& file, const Value&, const std::string& field) {
        if (authority != Authority::secret_file) return;
        const std::string path = world.layout.host_path(file.as_string());
        if (!world.fs.follow(path)) return;  // the check of the tree says so
        require_secret(fmt::format("{}: {}", name, field), path, world);
        if (world.supervision == Supervision::systemd && path.starts_with(own))
          give_secret(own.substr(0, own.size() - 1), path, instance_user(spec), world);
      });
}

}  // namespace orctl
