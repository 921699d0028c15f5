#include "live/served_document.h"

#include "base/hash.h"
#include "gateway/gateway.h"

namespace orctl {
namespace {

constexpr Millis status_limit(2000);

/// Whether all workers have taken this document into this tree.
bool is_served(const std::string& name, const Version& version, const World& world) {
  try {
    const GatewayStatus status = gateway_status(world, world.layout.admin_socket(name), status_limit);
    require_own_gateway(status, name);
    return status.common_tree() == version.digest && status.common_digest() == sha256(version.document());
  } catch (const Error&) {
    stop_if_interrupted();
    return false;  // who does not answer has proved nothing
  }
}

}  // namespace

std::optional<UpstreamText> news_for_gateway(const std::string& name, const Version& before, const Version& after,
                                             const World& world) {
  // what the tree's digest leaves out beside the document is checked as a whole anyway: certificates
  if (before.digest != after.digest || !is_served(name, before, world)) return std::nullopt;
  return changed_upstream(before.document(), after.document());
}

}  // namespace orctl
