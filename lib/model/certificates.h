#pragma once
#include <set>
#include <string>
#include <vector>

#include "base/tree.h"
#include "model/value.h"

namespace orctl {

/// certs.json, the list of a tree's certificates that the gateway reads at start; "" when there are none.
std::string certificates_file(const Value& certificates);

/// One certificate of a tree, as certs.json names it.
struct TreeCertificate {
  std::string name;
  std::vector<std::string> hosts;  ///< given for it; none: those in it
  std::string certificate, key;    ///< paths in the tree
};

/// Those of a tree, in their order; none when certs.json is missing, or is not what certificates_file() wrote.
std::vector<TreeCertificate> tree_certificates(const Tree& tree);

/// Files of a tree that a running gateway takes without a reload: certs.json, the certificates and keys that it names,
/// and those of certs/ that it may name next, unless another file of the tree names them (an http.d/*.conf that has one
/// itself needs the reload). None where there is no certs.json.
std::set<std::string> hot_files(const Tree& tree);

/// Digest of a tree's certificates as every worker reports it (lua/orctl/tls/certs.lua); "" when there are none.
std::string certificates_digest(const Tree& tree);

/// The body of PUT /v1/certs by which a gateway serves the certificates of `tree`. Holds the keys.
std::string certificates_body(const Tree& tree);

}  // namespace orctl
