#include "change/make_plan.h"

#include <fmt/format.h>

#include "base/whose.h"
#include "host/own_place.h"
#include "host/target.h"
#include "live/observe.h"
#include "manifest/load.h"
#include "manifest/tree_size.h"
#include "render/unit.h"

namespace orctl {
namespace {

constexpr size_t max_socket_path = 107;  // sun_path without its NUL, unix(7)

/// /proc/PID/exe names the file itself, the target may name a link to it: the same file is the same binary. A binary
/// that was replaced under a running process ("… (deleted)", a package upgrade) is no reason to restart by surprise.
std::string comparable_binary(const std::string& running, const std::string& wanted, const World& world) {
  const auto is = world.fs.follow(running), wants = world.fs.follow(wanted);
  return !is || (wants && is->inode == wants->inode) ? wanted : running;
}

void refuse_moves(const Version& before, const Version& after) {
  if (tree_folder(before.spec) != tree_folder(after.spec))
    throw Error(
        Exit::refused,
        fmt::format("{}: the layout would move the tree from '{}' to '{}', which cannot be done while it serves",
                    after.spec.at("name").as_string(), tree_folder(before.spec), tree_folder(after.spec)),
        "keep the layout, or delete the instance and apply it again");
}

void add_plan(Plan& plan, Observed now, std::optional<Version> after, const std::string& binary, const World& world) {
  if (after) require_keepable(*after, now.name);
  if (now.version && after) refuse_moves(*now.version, *after);
  if (!now.version && after && has_process(after->spec)) require_own_place(now.name, tree_folder(after->spec), world);
  if (now.live.running && !binary.empty()) now.live.binary = comparable_binary(now.live.binary, binary, world);
  const bool both = now.version && after;
  const std::string tree = world.layout.tree(tree_folder(after ? after->spec : now.version->spec));
  if (both && has_process(after->spec))
    now.live.other_rights = process_rights(now.version->unit) != process_rights(after->unit);
  if (both) now.live.misfits = world.fs.misfits(now.tree_path, tree_ownership(after->spec, world));
  plan.instances.push_back(plan_instance(now.name, now.applied ? now.applied->commit : "", std::move(now.version),
                                         std::move(after), now.live, binary));
  if (both && !world.fs
                   .cannot_exchange(has_process(plan.instances.back().after->spec) ? world.layout.trees()
                                                                                   : tree.substr(0, tree.rfind('/')))
                   .empty())
    for (Step& step : plan.instances.back().steps)
      if (auto* swap = std::get_if<SwapTree>(&step)) swap->in_two = true;
}

}  // namespace

Version desired_version(const Loaded& loaded, const World& world) {
  const std::string socket = world.layout.admin_socket(loaded.instance.name.str());
  if (socket.size() > max_socket_path)
    throw Error(Exit::usage,
                fmt::format("the admin socket's path would have {} bytes, and {} are the most: {}", socket.size(),
                            max_socket_path, socket),
                "choose a shorter folder with --root");
  const Target target = find_target(loaded.instance.spec, world);
  Rendered rendered = render(loaded.instance, loaded.overlay, target, world.layout, loaded.document);
  Version out;
  out.spec = loaded.instance.spec;
  out.manifest = loaded.instance.source.text;
  const std::string& file = loaded.instance.source.file;
  out.manifest_name = file.ends_with(".json") ? "manifest.json" : "manifest.toml";
  out.tree = std::move(rendered.tree);
  out.digest = std::move(rendered.digest);
  out.unit = std::move(rendered.unit);
  return out;
}

Version desired_version(const Object& object, const World& world) {
  Version out;
  out.spec = object.spec;
  out.manifest = object.source.text;
  out.manifest_name = object.source.file.ends_with(".json") ? "manifest.json" : "manifest.toml";
  out.tree = kind_of(object.spec).render(object.spec, world.env.host());
  out.digest = tree_digest(out.tree);
  return out;
}

Plan make_plan(const Manifests& desired, const World& world) {
  Plan plan;
  const bool many = desired.instances.size() + desired.objects.size() > 1;
  for (const Object& object : desired.objects) {
    const std::string id = id_of(object.spec);
    about(many ? id : "", [&] { add_plan(plan, observe(id, world), desired_version(object, world), "", world); });
  }
  for (const Loaded& loaded : desired.instances) {
    const std::string name = loaded.instance.name.str();
    about(many ? name : "", [&] {
      add_plan(plan, observe(name, world), desired_version(loaded, world),
               find_target(loaded.instance.spec, world).binary, world);
    });
  }
  return plan;
}

InstancePlan make_plan(Observed now, std::optional<Version> after, const World& world) {
  Plan plan;
  const std::string binary = after && has_process(after->spec) ? find_target(after->spec, world).binary : "";
  add_plan(plan, std::move(now), std::move(after), binary, world);
  return std::move(plan.instances.front());
}

}  // namespace orctl
