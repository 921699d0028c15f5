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
  std::vector<Override> overrides;  ///< that have a place in a manifest
  std::vector<ServerEdit> edits;    ///< what each of them does to the manifest
};

/// What a manifest can say of an override: a weight, a server more, a server less. Error(Exit::refused) for one that
/// drains its server, which no manifest says. `server` is its item of GET /v1/upstreams.
ServerEdit edit_of(const Override& override, const Value& server);

/// The promotions of some overrides, one for each instance. Error as edit_of().
std::vector<Promotion> make_promotions(const std::vector<Override>& overrides, const World& world);

/// The version of the store with a promotion's edits: its manifest is edited as text where its style allows that, and
/// else written anew as JSON. Exit::refused when the result is no valid manifest, or when the policy of this
/// host refuses it.
Version promoted_version(const Observed& now, const Promotion& promotion, const World& world);

/// Before the promoted document is sent: an override by percentage is of the manifest's weight, which is about to
/// change, so it becomes the weight it makes now.
void settle_weights(World& world, const Promotion& promotion);

}  // namespace orctl
