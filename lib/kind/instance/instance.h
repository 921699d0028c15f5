#pragma once
#include <optional>
#include <vector>

#include "kind/fleet/fleet.h"
#include "kind/manifest.h"
#include "model/instance.h"

namespace orctl {

/// Checks everything that one manifest can say about one instance; nullopt when there is an error.
/// Warnings do not stop it.
std::optional<Instance> make_instance(Manifest manifest, const Fleet* fleet, Diagnostics& found);

/// Checks what several instances must agree on: unique names and env_module_seq, addresses and ports.
void check_instances(const std::vector<const Object*>& instances, Diagnostics& found);

}  // namespace orctl
