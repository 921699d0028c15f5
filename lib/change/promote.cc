#include "change/promote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "change/make_plan.h"
#include "live/observe.h"
#include "manifest/host_policy.h"
#include "manifest/load.h"
#include "manifest/overlay.h"
#include "model/address.h"
#include "store/history.h"

namespace orctl {
namespace {

bool is_true(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_bool() && v->as_bool();
}

int64_t whole_weight(const Override& override, const Value& server) {
  const Value* weight = server.find("effective_weight");
  const double w = weight != nullptr && weight->is_number() ? std::round(weight->as_double()) : 0;
  if (w < 1)
    throw Error(
        Exit::refused,
        fmt::format("the override of {} takes every request from it, which no manifest says", override.server.str()),
        fmt::format("take the server out (orctl remove server {0} …), or: orctl overrides discard {0}",
                    override.server.str()));
  return whole(w);
}

/// `spec` checked as a manifest; its name was checked by the fleet it came from, which the store does not hold.
Instance checked(const Value& spec, const std::string& name) {
  Fleet fleet;
  fleet.rules.envs = {known_name(name).env};
  Diagnostics found;
  auto manifest = read_manifest({"spec.json", to_json(spec, 1)}, found);
  std::optional<Instance> instance;
  if (manifest) instance = make_instance(std::move(*manifest), &fleet, found);
  if (instance) return std::move(*instance);
  const auto fault =
      std::find_if(found.begin(), found.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
  throw Error(Exit::refused,
              fmt::format("{}: with the overrides the manifest is not valid: {}", name,
                          fault == found.end() ? "?" : fault->field + ": " + fault->text),
              fault == found.end() ? "" : fault->hint);
}

}  // namespace

ServerEdit edit_of(const Override& override, const Value& server) {
  const ServerName& name = override.server;
  if (override.item.find("state") != nullptr)
    throw Error(Exit::refused,
                fmt::format("{} is in state {}, and a manifest has no such state", name.str(),
                            override.item.at("state").as_string()),
                fmt::format("take the server out (orctl remove server {0} …), or end it: orctl ready {0}", name.str()));
  ServerEdit edit{ServerEdit::Kind::set_weight, name.upstream, name.address, Value::object()};
  if (is_true(override.item, "removed")) {
    edit.kind = ServerEdit::Kind::remove;
  } else if (is_true(override.item, "added")) {
    edit.kind = ServerEdit::Kind::add;
    edit.server.set("address", name.address);
    edit.server.set("weight", whole_weight(override, server));
    if (is_true(server, "backup")) edit.server.set("backup", true);
    if (const Value* most = server.find("max_conns"); most != nullptr && most->is_int())
      edit.server.set("max_conns", *most);
  } else {
    edit.server.set("weight", whole_weight(override, server));
  }
  return edit;
}

std::vector<Promotion> make_promotions(const std::vector<Override>& overrides, const World& world) {
  std::map<std::string, Promotion> all;
  std::map<std::string, Value::Array> upstreams;
  for (const Override& one : overrides) {
    const std::string& instance = one.server.instance;
    if (!upstreams.contains(instance)) upstreams[instance] = gateway_upstreams(world, instance);
    Value server = Value::object();
    for (const Value& upstream : upstreams[instance])
      if (upstream.at("name") == Value(one.server.upstream))
        for (const Value& s : upstream.at("servers").items())
          if (canonical_address(s.at("address").as_string()) == canonical_address(one.server.address)) server = s;
    Promotion& promotion = all[instance];
    promotion.instance = instance;
    promotion.edits.push_back(edit_of(one, server));
    promotion.overrides.push_back(one);
  }
  std::vector<Promotion> out;
  for (auto& [instance, promotion] : all) {
    // what is added comes before what is removed, so that no upstream is empty in between
    std::stable_sort(promotion.edits.begin(), promotion.edits.end(),
                     [](const ServerEdit& a, const ServerEdit& b) { return a.kind < b.kind; });
    out.push_back(std::move(promotion));
  }
  return out;
}

Version promoted_version(const Observed& now, const Promotion& promotion, const World& world) {
  const Version stored = load_version(world, now.applied->commit, now.version->tree);
  const Tree overlay = overlay_of(stored.tree);
  for (const auto& [path, file] : overlay_of(now.version->tree))
    if (const auto same = overlay.find(path); same == overlay.end() || !(same->second == file))
      throw Error(Exit::refused,
                  fmt::format("{}: the file '{}' of its tree was changed by hand", promotion.instance, path),
                  "put it back first: orctl apply -f MANIFEST");
  Value spec = stored.spec;
  for (const ServerEdit& edit : promotion.edits) edit_document(spec, edit);
  Loaded loaded{checked(spec, promotion.instance), overlay};
  require_allowed(loaded, world);
  Version version = desired_version(loaded, world);
  version.manifest_name = stored.manifest_name;
  if (auto text = edit_text({stored.manifest_name, stored.manifest}, promotion.edits)) {
    version.manifest = std::move(*text);
    return version;
  }
  Diagnostics found;
  auto manifest = read_document({stored.manifest_name, stored.manifest}, found);
  if (!manifest) throw Error(Exit::target, promotion.instance + ": the manifest in the store cannot be read");
  for (const ServerEdit& edit : promotion.edits) edit_document(*manifest, edit);
  version.manifest_name = "manifest.json";
  version.manifest = to_json(*manifest, 2) + "\n";
  return version;
}

void settle_weights(World& world, const Promotion& promotion) {
  for (const Override& one : promotion.overrides) {
    const Value* weight = one.item.find("weight");
    if (weight == nullptr || !weight->is_string()) continue;
    const auto edit = std::find_if(promotion.edits.begin(), promotion.edits.end(), [&](const ServerEdit& e) {
      return e.upstream == one.server.upstream && e.address == one.server.address;
    });
    OverrideChange change;
    change.weight = edit->server.at("weight");
    change.by = one.item.find("by") != nullptr ? one.item.at("by").as_string() : "";
    change.ignore_min_healthy = true;
    put_override(world, one.server, change);
  }
}

}  // namespace orctl
