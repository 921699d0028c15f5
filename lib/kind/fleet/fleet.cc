#include "kind/fleet/fleet.h"

#include "model/schema.h"

namespace orctl {

Kind fleet_kind() { return {"Fleet", "fleets"}; }

std::optional<Fleet> make_fleet(const Manifest& manifest, Diagnostics& found) {
  const auto line = [&](uint32_t n) { return line_of(manifest.source.text, n); };
  const size_t before = found.size();
  if (Schema::get("fleet").check(manifest.document, manifest.source.file, line, found) != Fit::valid)
    return std::nullopt;

  Fleet fleet;
  fleet.file = manifest.source.file;
  const Value spec = Schema::get("fleet").with_defaults(manifest.document);
  fleet.rules.envs.clear();
  for (const Value& env : spec.at("envs").items()) fleet.rules.envs.push_back(env.as_string());
  if (const Value* modules = spec.find("modules"))
    for (const Value& module : modules->items()) fleet.rules.modules.push_back(module.as_string());
  if (const Value* defaults = manifest.document.find("defaults")) {
    // the defaults must be right for an instance, so they are checked as parts of one
    Value probe = *defaults;
    probe.set("kind", "Instance");
    probe.set("name", "prd_probe_001_80");
    Schema::get("instance").check(probe, manifest.source.file, line, found);
    for (size_t i = before; i < found.size(); ++i) found[i].field = "defaults." + found[i].field;
    fleet.defaults = std::make_shared<Defaults>(Defaults{manifest.source, *defaults});
  }
  if (found.size() != before) return std::nullopt;
  return fleet;
}

}  // namespace orctl
