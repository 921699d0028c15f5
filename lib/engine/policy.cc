#include "engine/policy.h"

#include <fmt/format.h>

#include "engine/overlay.h"

namespace orctl {

void add_policy_faults(Manifests& manifests, const Policy& policy, Severity of_risk) {
  for (const Loaded& loaded : manifests.instances)
    for (Diagnostic& d : check_policy(loaded.instance, loaded.overlay, policy)) {
      if (d.code == "policy-risk" || d.code == "policy-source") d.severity = of_risk;
      manifests.found.push_back(std::move(d));
    }
}

std::vector<Loaded> load_allowed(const std::vector<std::string>& files, Recurse recurse, const World& world,
                                 const std::function<void(const Diagnostic&)>& report) {
  Manifests manifests = load(files, recurse, world);
  add_policy_faults(manifests, sound_config(world).policy, Severity::error);
  return valid_ones(std::move(manifests), report);
}

Diagnostics check_version(const Version& version, const std::string& name, const World& world) {
  const Instance instance{known_name(version.spec.at("name").as_string()), version.spec, {name, ""}};
  Diagnostics found = check_policy(instance, overlay_of(version.tree), sound_config(world).policy);
  for (Diagnostic& d : found) {
    d.place = {};
    d.source_line.clear();
  }
  return found;
}

void require_allowed(const std::string& address, const std::string& subject, const World& world) {
  if (const auto refusal = refuse_address(address, sound_config(world).policy))
    throw Error(Exit::refused, fmt::format("{}: \"{}\" {}; nothing was changed", subject, address, refusal->text),
                refusal->hint);
}

void require_allowed(const Loaded& loaded, const World& world) {
  for (const Diagnostic& d : check_policy(loaded.instance, loaded.overlay, sound_config(world).policy))
    throw Error(Exit::refused,
                fmt::format("{}: {}: {}; nothing was changed", loaded.instance.name.str(), d.field, d.text), d.hint);
}

}  // namespace orctl
