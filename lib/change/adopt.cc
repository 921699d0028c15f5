#include "change/adopt.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "change/adopted_document.h"
#include "change/make_plan.h"
#include "change/promote.h"
#include "gateway/gateway.h"
#include "live/drift.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "manifest/overlay.h"
#include "manifest/tree_size.h"
#include "model/read.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

using How = HandEdit::How;

/// Why no manifest gives an edit; "" when one can.
std::string why_not(const HandEdit& edit) {
  const std::string& path = edit.path;
  if (edit.how == How::irregular) return "is " + edit.irregular;
  if (tree_path::is_overlay(path) || edit.how == How::rights) return {};
  if (path == tree_path::document) return edit.how == How::changed ? "" : "is missing";
  if (path.starts_with(tree_path::own_lua)) return "is the gateway's own Lua, which comes with orctl";
  if (edit.how == How::foreign)
    return "does not belong into a tree; only http.d/*.conf, streams.d/*.conf, lua/*.lua and certs/* do";
  return "is made from the manifest's fields; what they cannot say belongs into http.d/ or streams.d/ of its files";
}

void require_sayable(const Observed& now, const std::vector<HandEdit>& edits, const std::string& unit) {
  std::vector<std::string> faults;
  for (const HandEdit& edit : edits)
    if (const std::string why = why_not(edit); !why.empty()) faults.push_back(fmt::format("'{}' {}", edit.path, why));
  if (now.version->unit != unit) faults.emplace_back("the unit is made from the manifest's fields");
  if (faults.empty()) return;
  throw Error(Exit::guard,
              fmt::format("{}: cannot become a revision: {}; nothing was changed", now.name, join(faults, "; ")),
              fmt::format("see it with: orctl drift {} --files; say it in the manifest and apply that with "
                          "--overwrite-drift, or take it back: orctl rollback {} --to {} --overwrite-drift",
                          now.name, now.name, now.applied->number));
}

/// The document that somebody put on the admin socket; nullopt when the workers serve one that lies somewhere.
std::optional<std::string> put_document_of(const Observed& now, const std::string& kept, const World& world) {
  if (!now.status || now.version->has_source()) return std::nullopt;
  const std::string& served = now.status->digest;  // a worker may not have taken it yet
  if (served.empty() || served == sha256(kept) || served == sha256(now.version->document())) return std::nullopt;
  return to_json(gateway_get(world, world.layout.admin_socket(now.name), "/v1/config"), 1) + "\n";
}

/// The one document that was edited; "" when none was.
std::string edited_document(const Observed& now, const std::string& kept, const World& world) {
  const std::string& disk = now.version->document();
  const auto served = put_document_of(now, kept, world);
  if (served && disk != kept)
    throw Error(Exit::guard,
                fmt::format("{}: gateway.json was edited on the host, and another document was put on the admin "
                            "socket; nothing was changed",
                            now.name),
                fmt::format("keep one: orctl drift {} --files shows both", now.name));
  return served ? *served : disk == kept ? "" : disk;
}

/// As a manifest's folder is checked: what is adopted must be what an apply of it would take.
void require_fine(const Loaded& loaded, const Observed& now, const World& world) {
  const Source source{now.name, ""};
  Diagnostics found;
  check_overlay(source, Value(), loaded.overlay, now.tree_path, found);
  refuse_overlay_secrets(now.tree_path, loaded.overlay, found);
  check_modules(loaded.instance, loaded.overlay, found);
  check_size(loaded.instance, loaded.overlay, found);
  for (const auto& [path, file] : loaded.overlay)
    if (file.content.size() > max_overlay_file_bytes)
      throw Error(Exit::refused, fmt::format("{}: '{}' is larger than 1 MiB; nothing was changed", now.name, path),
                  "no manifest lays such a file over its tree");
  for (const Diagnostic& d : found)
    if (d.severity == Severity::error)
      throw Error(Exit::refused,
                  fmt::format("{}: cannot become a revision: {}{}; nothing was changed", now.name,
                              d.field == "files" ? "" : d.file + ": ", d.text),
                  d.hint);
  require_allowed(loaded, world);
}

void require_adoptable(const Observed& now) {
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    throw Error(Exit::guard, fmt::format("{}: {}; nothing was changed", now.name, why), hint);
  };
  if (!has_process(now.version->spec))
    refuse("its files are made from the manifest's fields", "say it in the manifest, and apply that");
  if (now.version->tree.empty())
    refuse("its tree is gone", "orctl rollback " + now.name + " --to " + std::to_string(now.applied->number));
}

}  // namespace

std::optional<Adoption> adopt_edits(const Observed& now, const World& world) {
  require_adoptable(now);
  const Version stored = load_version(world, now.applied->commit, now.version->tree);
  const KeptFiles kept = kept_files(world, now.applied->commit);
  if (revisions_of_tree(now, world).empty())
    throw Error(Exit::conflict,
                fmt::format("{}: its tree is of another revision than {}, which the store calls live; nothing was "
                            "changed",
                            now.name, now.applied->number),
                "orctl drift " + now.name + " says how to mend that first");
  const std::vector<HandEdit> edits = hand_edits(kept.tree, now.version->tree);
  require_sayable(now, edits, kept.unit);
  Adoption out;
  for (const HandEdit& edit : edits)
    if (tree_path::is_overlay(edit.path) && edit.how != How::rights) out.files.push_back(edit.path);
  const std::string document = edited_document(now, stored.document(), world);
  if (out.files.empty() && document.empty()) return std::nullopt;
  AdoptedManifest manifest{stored.spec, stored.manifest_name, stored.manifest};
  if (!document.empty()) manifest = manifest_of_document(now.name, stored, document);
  out.edits_manifest = manifest.text != stored.manifest;
  Loaded loaded{checked_instance(manifest.spec, now.name, "the manifest is not valid"), overlay_of(now.version->tree),
                ""};
  require_fine(loaded, now, world);
  out.version = desired_version(loaded, world);
  out.version.manifest_name = manifest.name;
  out.version.manifest = manifest.text;
  return out;
}

}  // namespace orctl
