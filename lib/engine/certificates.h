#pragma once
#include <string>
#include <vector>

#include "base/tree.h"
#include "engine/observe.h"
#include "model/kinds.h"
#include "sys/world.h"

namespace orctl {

/// Adds to `found` what is wrong with the files that an instance's certificates name, as far as that can be seen
/// without OpenSSL: whether key and certificate belong together, apply finds out (lua/check.lua).
void check_certificate_files(const Instance& instance, const Tree& overlay, Diagnostics& found);

/// Certificates that the gateway serves: name, hosts, not_after, days, sha256; those of the manifest, by name and hosts
/// only, when it does not answer.
Value::Array certificates_of(const Observed& o, const World& world, const Layout& layout);

/// "certificate shop ends in 3 days (2026-11-24T12:00:00Z)" for each served one that has fewer than 14 days left.
std::vector<std::string> ending_certificates(const Observed& o, const World& world, const Layout& layout);

}  // namespace orctl
