#pragma once
#include <string>
#include <vector>

#include "base/tree.h"
#include "live/observe.h"
#include "model/instance.h"
#include "sys/world.h"

namespace orctl {

/// Certificates that the gateway serves: name, hosts, not_after, days, sha256; those of the manifest, by name and hosts
/// only, when it does not answer.
Value::Array certificates_of(const Observed& o, const World& world);

/// "certificate shop ends in 3 days (2026-11-24T12:00:00Z)" for each served one that has fewer than 14 days left.
std::vector<std::string> ending_certificates(const Observed& o, const World& world);

}  // namespace orctl
