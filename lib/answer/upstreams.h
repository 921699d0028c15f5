#pragma once
#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& upstreams_noun();
const Noun& servers_noun();

/// The upstreams of a gateway's answer (GET /v1/upstreams) as items of an instance; their servers are `server`, as in
/// the manifest.
Value::Array upstream_items(const std::string& instance, const Value::Array& told);
/// The servers of upstream_items(), each an item.
Value::Array server_items(const Value::Array& upstreams);

/// What the running gateways say of their upstreams; the manifest's where one does not run, or does not answer.
Answer list_upstreams(const Choice& choice, const World& world);
Answer list_servers(const Choice& choice, const World& world);

}  // namespace orctl
