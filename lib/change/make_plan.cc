#include "change/make_plan.h"

#include <fmt/format.h>

#include <map>

#include "base/whose.h"
#include "host/own_place.h"
#include "host/target.h"
#include "live/drift.h"
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

/// What the live tree is judged by. A revision that cannot be read judges nothing: what replaces it must stay possible.
std::vector<KeptFiles> judges_of(const Observed& now, const World& world) {
  try {
    return revisions_of_tree(now, world);
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
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
  const bool same_files = both && now.version->tree == after->tree && now.version->unit == after->unit;
  const std::vector<KeptFiles> kept = both && !same_files ? judges_of(now, world) : std::vector<KeptFiles>{};
  plan.instances.push_back(plan_instance(now.name, now.applied ? now.applied->commit : "", std::move(now.version),
                                         std::move(after), now.live, binary));
  tell_flattened(plan.instances.back(), kept);
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
  return version_for(loaded, find_target(loaded.instance.spec, world), world.layout);
}

Version version_for(const Loaded& loaded, const Target& target, const Layout& layout) {
  Rendered rendered = render(loaded.instance, loaded.overlay, target, layout, loaded.document);
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

InstancePlan compare(const std::string& name, const std::string& base, std::optional<Version> before,
                     std::optional<Version> after) {
  Live as_if_running;
  as_if_running.running = before.has_value();
  if (after) as_if_running.tree = after->digest;
  InstancePlan plan = plan_instance(name, base, std::move(before), std::move(after), as_if_running, "");
  std::erase_if(plan.changes, [](const Change& c) { return c.key == Key(Whole::process); });
  return plan;
}

Plan plan_between(const Manifests& before, const Manifests& after, const World& world) {
  struct Sides {
    std::optional<Version> before, after;
  };
  std::map<std::string, Sides> all;
  const auto take = [&](const Manifests& from, std::optional<Version> Sides::*side) {
    for (const Object& one : from.objects) all[id_of(one.spec)].*side = desired_version(one, world);
    for (const Loaded& one : from.instances)
      all[one.instance.name.str()].*side = version_for(one, Target{}, Layout("/"));
  };
  take(before, &Sides::before);
  take(after, &Sides::after);
  Plan plan;
  for (auto& [name, sides] : all)
    plan.instances.push_back(compare(name, "", std::move(sides.before), std::move(sides.after)));
  return plan;
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
