#pragma once
#include "model/instance.h"
#include "nginx/config.h"

/// What of a request names its host and belongs to its connection, looked at once for all that comes after.
namespace orctl {

/// Maps of http{}: $orctl_host, which is empty for a host that no route could have; $orctl_upgrade and
/// $orctl_connection of a WebSocket, or of what a route lets through; $orctl_gate, the location of a request that has
/// further fields of one connection, or another host than its handshake on a listener that is strict about that.
nginx::Config connection_maps(const Instance& instance);

/// Fields of one connection that nginx would pass on by itself, in requests and in answers. Proxy-Status is none: it is
/// for whoever gets the answer (RFC 9209).
nginx::Config hop_headers();

/// What a server of listeners does with them before anything else.
nginx::Config connection_checks();

}  // namespace orctl
