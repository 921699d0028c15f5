#include "change/promote.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "change/adopted_document.h"
#include "change/make_plan.h"
#include "live/observe.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "manifest/overlay.h"
#include "model/read.h"
#include "store/history.h"

namespace orctl {
std::vector<Promotion> make_promotions(const std::vector<Override>& overrides, const World& world) {
  std::map<std::string, Promotion> all;
  for (const Override& one : overrides) {
    const std::string& instance = one.server.instance;
    if (const auto [promotion, first] = all.try_emplace(instance); first) {
      promotion->second.instance = instance;
      promotion->second.upstreams = gateway_upstreams(world, instance);
      for (Override& other : choose_overrides({parse_server_path(instance, PathDepth::instance)}, {}, world).items)
        promotion->second.standing.push_back(std::move(other));
    }
    Promotion& promotion = all[instance];
    std::erase_if(promotion.standing, [&](const Override& o) { return o.server.str() == one.server.str(); });
    promotion.overrides.push_back(one);
  }
  std::vector<Promotion> out;
  for (auto& [instance, promotion] : all) out.push_back(std::move(promotion));
  return out;
}

Version promoted_version(const Observed& now, const Promotion& promotion, const World& world,
                         std::vector<std::string>& remarks) {
  if (now.version->has_source())
    throw Error(Exit::guard,
                fmt::format("{}: what it serves comes from its [source], and no manifest changes that; nothing was "
                            "changed",
                            promotion.instance),
                "make the change at the source, then: orctl overrides discard " + promotion.instance);
  std::vector<std::string> missing;
  const Version stored = load_version(world, now.applied->commit, now.version->tree, &missing);
  if (!missing.empty())
    throw Error(Exit::refused,
                fmt::format("{}: the file '{}' of its tree was changed by hand, and the store has its fingerprint only",
                            promotion.instance, missing.front()),
                "put it back first: orctl apply -f MANIFEST --overwrite-drift");
  const Tree overlay = overlay_of(stored.tree);
  Value spec = stored.spec;
  const PromotedEdits made = promoted_edits(promotion, spec);
  remarks = made.remarks;
  for (const ServerEdit& edit : made.edits) edit_document(spec, edit);
  Loaded loaded{checked_instance(spec, promotion.instance, "with the overrides the manifest is not valid"), overlay};
  require_allowed(loaded, world);
  Version version = desired_version(loaded, world);
  version.manifest_name = stored.manifest_name;
  if (auto text = edit_text({stored.manifest_name, stored.manifest}, made.edits)) {
    version.manifest = std::move(*text);
    return version;
  }
  Diagnostics found;
  auto manifest = read_document({stored.manifest_name, stored.manifest}, found);
  if (!manifest) throw Error(Exit::target, promotion.instance + ": the manifest in the store cannot be read");
  for (const ServerEdit& edit : made.edits) edit_document(*manifest, edit);
  version.manifest_name = "manifest.json";
  version.manifest = to_json(*manifest, 2) + "\n";
  return version;
}

void mark_replaced(World& world, const Promotion& promotion, const Version& version) {
  Diagnostics found;
  const auto document = read_json({"gateway.json", version.document()}, found);
  if (!document) throw Error(Exit::target, promotion.instance + ": the promoted document cannot be read");
  std::map<std::string, std::string> digests;
  for (const Value& upstream : document->at("upstreams").items())
    digests[upstream.at("name").as_string()] = weights_digest(upstream);
  for (const Override& one : promotion.overrides)
    if (const Value* weight = one.item.find("weight"); weight != nullptr && !is_superseded(one))
      replace_override(world, one.server, digests[one.server.upstream]);
}

}  // namespace orctl
