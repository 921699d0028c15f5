#include "change/tree_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/tree_paths.h"
#include "change/make_plan.h"
#include "host/target.h"
#include "manifest/load.h"
#include "manifest/overlay.h"
#include "model/certificates.h"
#include "model/read.h"
#include "model/secrets.h"
#include "render/render.h"
#include "store/history.h"
#include "store/repair.h"

namespace orctl {
namespace {

constexpr size_t max_spec = size_t{16} << 20;

std::optional<Instance> instance_of_spec(const Value& spec) {
  Instance instance;
  const auto name = spec.find("name");
  if (name == nullptr || !name->is_string() || !check_name(name->as_string()).name) return std::nullopt;
  instance.name = known_name(name->as_string());
  instance.spec = Schema::get("instance").with_defaults(spec);
  return instance;
}

/// Whether this spec gives exactly the tree that is there.
bool gives(const Value& spec, const Tree& tree, const World& world) {
  try {
    const auto instance = instance_of_spec(spec);
    if (!instance) return false;
    const Rendered made = render(*instance, overlay_of(tree), find_target(instance->spec, world), world.layout);
    return made.digest == carried_digest(tree) && made.tree == tree;
  } catch (const std::exception&) {
    stop_if_interrupted();
    return false;
  }
}

/// What a blob says as the spec of a revision, or as a manifest that was read without a fleet.
std::optional<Version> version_in(const std::string& text, const std::string& name) {
  Version out;
  Diagnostics found;
  const bool json = text.starts_with('{');
  out.manifest_name = json ? "manifest.json" : "manifest.toml";
  if (json)
    if (auto spec = read_json({"spec.json", text}, found);
        spec && spec->is_object() && spec->find("kind") == nullptr && spec->find("name") != nullptr) {
      out.spec = std::move(*spec);
      out.manifest = text;
      return out;
    }
  auto manifest = read_manifest({out.manifest_name, text}, found);
  if (!manifest || manifest->kind != "Instance") return std::nullopt;
  Fleet fleet;
  fleet.rules.envs = {known_name(name).env};
  const auto instance = make_instance(std::move(*manifest), &fleet, found);
  if (!instance || instance->name.str() != name) return std::nullopt;
  out.spec = instance->spec;
  out.manifest = text;
  return out;
}

/// The spec or manifest of the instance in some blob that the store still holds, and that gives the tree.
std::optional<Version> found_in_blobs(const std::string& name, const Tree& tree, const World& world) {
  if (!check_name(name).name) return std::nullopt;
  const auto blobs = world.git.all_blobs(
      max_spec, [&](const std::string& text) { return text.find("\"" + name + "\"") != std::string::npos; });
  for (const std::string& text : blobs) {
    auto version = version_in(text, name);
    if (!version || !gives(version->spec, tree, world)) continue;
    version->spec = Schema::get("instance").with_defaults(version->spec);
    return version;
  }
  return std::nullopt;
}

/// Whether the files that are pushed hot, of which the digest says nothing, are the same.
bool same_hot_files(const Tree& a, const Tree& b) {
  std::set<std::string> paths = hot_files(a);
  paths.merge(hot_files(b));
  paths.insert(tree_path::document);
  return std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
    const auto one = a.find(path), other = b.find(path);
    return one == a.end() || other == b.end() ? one == a.end() && other == b.end() : one->second == other->second;
  });
}

/// A tree without what the host and the version of orctl add to what the manifest says.
Tree essence(const Tree& tree) {
  Tree out;
  const std::string digest = carried_digest(tree);
  for (const auto& [path, file] : tree) {
    if (path.starts_with(tree_path::own_lua)) continue;
    out[path] = file;
    if (path != tree_path::nginx_conf) continue;
    std::string& text = out[path].content = "";
    for (const std::string& line : split(file.content, '\n'))
      if (!line.starts_with("load_module ") && !line.starts_with("user ") &&
          (digest.empty() || (line.find(digest) == line.npos && line.find(proof_path(digest)) == line.npos)))
        text += line + "\n";
  }
  return out;
}

/// Whether this very orctl has made the tree, as far as its own files tell.
bool is_made_by_us(const Tree& tree, const Tree& ours) {
  return std::all_of(ours.begin(), ours.end(), [&](const auto& item) {
    const auto found = tree.find(item.first);
    return !item.first.starts_with(tree_path::own_lua) || item.first == tree_path::overlay_modules ||
           (found != tree.end() && found->second == item.second);
  });
}

std::string first_difference(const Tree& a, const Tree& b) {
  for (const auto& [path, file] : a)
    if (const auto other = b.find(path); other == b.end() || !(other->second == file)) return path;
  for (const auto& [path, file] : b)
    if (!a.contains(path)) return path;
  return {};
}

/// The given manifest's version. One that gives another tree is refused; where somebody has changed the tree, or
/// another orctl has made it, only who gave the manifest can know.
Version given_version(Repair& repair, const Loaded& manifest, const Tree& tree, const World& world) {
  Version given = desired_version(manifest, world);
  const std::string carried = carried_digest(tree);
  if (given.digest == carried && same_hot_files(given.tree, tree)) return given;
  const Tree wanted = essence(given.tree), there = essence(tree);
  if (wanted == there) return given;
  const std::string differs = first_difference(wanted, there);
  const bool edited = tree_digest(tree) != carried;
  if (!edited && is_made_by_us(tree, given.tree))
    throw Error(Exit::refused,
                fmt::format("'{}' is not the manifest of the live tree of {}: it gives another {}; nothing was changed",
                            manifest.instance.source.file, repair.name, differs),
                "give the manifest that was applied last");
  repair.questions.push_back(fmt::format(
      "that '{}' is the manifest of the live tree of {} cannot be proved, as {} {}", manifest.instance.source.file,
      repair.name, differs, edited ? "differs, and the tree was changed by hand" : "was made by another orctl"));
  return given;
}

/// What the manifest gives: lines of it are in no need to be looked at again. Empty when that cannot be told.
Version looked_at_before(const Version& version, const std::optional<Loaded>& manifest, const World& world) {
  Version out;
  try {
    if (manifest) return desired_version(*manifest, world);
    const auto instance = instance_of_spec(version.spec);
    if (!instance) return out;
    const Tree overlay = overlay_of(version.tree);
    Rendered made = render(*instance, overlay, find_target(instance->spec, world), world.layout);
    for (const auto& [path, file] : overlay) made.tree.erase(path);  // it is as somebody left it on disk
    out.tree = std::move(made.tree);
    out.unit = std::move(made.unit);
  } catch (const std::exception&) {
    stop_if_interrupted();
  }
  return out;
}

void refuse_secret_lines(const std::string& file, const std::string& text, const std::string& known) {
  const std::vector<std::string> lines = split(text, '\n'), old = split(known, '\n');
  const std::set<std::string> given(old.begin(), old.end());
  for (const FoundSecret& s : find_secrets(text)) {
    if (s.place.line != 0 && s.place.line <= lines.size() && given.contains(lines[s.place.line - 1])) continue;
    throw Error(
        Exit::refused,
        fmt::format("'{}' line {} holds {}, which the version store would keep for ever; nothing was changed", file,
                    s.place.line, s.what),
        "take it out of that file, then repair again; where it is none, write orctl:not-secret into a comment of "
        "that line");
  }
}

}  // namespace

Version describe_tree(Repair& repair, const std::optional<Loaded>& manifest, const Tree& tree, const World& world) {
  if (manifest) return given_version(repair, *manifest, tree, world);
  for (auto r = repair.kept.rbegin(); r != repair.kept.rend(); ++r) {
    if (r->deletes) continue;
    Version kept = *load_manifest(world, r->commit);
    if (gives(kept.spec, tree, world)) return kept;
  }
  try {  // its own, of which other files are damaged
    if (const auto live = world.git.ref(applied_ref(repair.name))) return *load_manifest(world, repair.name, *live);
  } catch (const Error&) {
    stop_if_interrupted();
  }
  if (auto version = found_in_blobs(repair.name, tree, world)) return std::move(*version);
  throw Error(Exit::refused,
              fmt::format("{}: nothing in the version store tells which manifest gives its live tree", repair.name),
              fmt::format("name it: orctl store repair {} -f MANIFEST", repair.name));
}

void refuse_secrets(const Version& version, const std::optional<Loaded>& manifest, const std::string& place,
                    const World& world) {
  const Version known = looked_at_before(version, manifest, world);
  for (const auto& [path, file] : version.tree) {
    if (!find_secrets(join(split(path, '/'), "\n")).empty())
      throw Error(
          Exit::refused,
          fmt::format("the name of a file below '{}' holds a secret, which the version store would keep for ever; "
                      "nothing was changed",
                      place),
          "give that file another name, then repair again");
    if (is_secret(path, file) || path.starts_with(tree_path::certs)) continue;  // of these only fingerprints are kept
    const auto before = known.tree.find(path);
    refuse_secret_lines(place + "/" + path, file.content, before == known.tree.end() ? "" : before->second.content);
  }
  refuse_secret_lines(world.layout.unit(version.spec.at("name").as_string()), version.unit, known.unit);
}

}  // namespace orctl
