#pragma once
#include <string>
#include <vector>

#include "gateway/overrides.h"
#include "live/observe.h"
#include "model/edit_servers.h"

namespace orctl {

/// Overrides of one instance on their way into its next revision.
struct Promotion {
  std::string instance;
  std::vector<Override> overrides;  ///< that get a place in the manifest
  std::vector<Override> standing;   ///< its others, which stay
  Value::Array upstreams;           ///< what the gateway says of its upstreams (GET /v1/upstreams)
};

/// What a promotion does to a manifest.
struct PromotedEdits {
  std::vector<ServerEdit> edits;
  std::vector<std::string> remarks;  ///< on weights that change beside those of the overrides
};

/// What makes `spec` say of its servers what the overrides do, every server keeping the share of requests that it gets
/// now: where that is no whole weight, the weights beside it are scaled. Error(Exit::refused) for what no manifest
/// says: a server without requests, or shares that no whole weights up to the schema's largest have;
/// Error(Exit::conflict) when the gateway serves other weights than `spec`.
PromotedEdits promoted_edits(const Promotion& promotion, const Value& spec);

/// The promotions of some overrides, one for each instance.
std::vector<Promotion> make_promotions(const std::vector<Override>& overrides, const World& world);

/// The version of the store with a promotion's edits: its manifest is edited as text where its style allows that, and
/// else written anew as JSON. Exit::refused when the result is no valid manifest, or when the policy of this host
/// refuses it; Exit::guard when the gateway does not serve what the manifest says.
Version promoted_version(const Observed& now, const Promotion& promotion, const World& world,
                         std::vector<std::string>& remarks);

/// Before the promoted document is served: marks the overrides that weigh, so that each of them weighs nothing from the
/// moment on in which `version`'s document says the same, and weighs again when that is taken back.
void mark_replaced(World& world, const Promotion& promotion, const Version& version);

}  // namespace orctl
