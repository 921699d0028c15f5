#pragma once
#include <set>
#include <string>

#include "base/tree.h"
#include "model/value.h"

namespace orctl {

/// certs.json, the list of a tree's certificates that the gateway reads at start; "" when there are none.
std::string certificates_file(const Value& certificates);

/// Files of a tree that a running gateway takes without a reload: certs.json, and the certificates and keys that it
/// names and that no other file of the tree names (an http.d/*.conf that has one itself needs the reload).
std::set<std::string> hot_files(const Tree& tree);

/// Digest of a tree's certificates as every worker reports it (lua/orctl/tls/certs.lua); "" when there are none.
std::string certificates_digest(const Tree& tree);

/// The body of PUT /v1/certs by which a gateway serves the certificates of `tree`. Holds the keys.
std::string certificates_body(const Tree& tree);

}  // namespace orctl
