#pragma once
#include <optional>
#include <string>

#include "model/diagnostic.h"
#include "model/name.h"
#include "model/policy.h"
#include "model/read.h"

namespace orctl {

/// A manifest in TOML that serves what a Host-header document (schemas/host_balancer.json) says. Every fault goes to
/// `found`, and nothing is returned when there is one; what was decided on the way is a warning there and a comment in
/// the manifest, and so is a name that was not given. A server that `policy` refuses is only warned of: the manifest
/// may be for another host. Equal input gives equal bytes.
std::optional<std::string> import_host_balancer(const Source& source, const std::optional<Name>& name,
                                                Diagnostics& found, const Policy& policy = {});

}  // namespace orctl
