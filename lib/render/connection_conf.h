#pragma once
#include "nginx/config.h"

/// What of a request names its host and belongs to its connection, looked at once for all that comes after.
namespace orctl {

/// Maps of http{}: $orctl_host, which is empty for a host that no route could have; $orctl_upgrade, $orctl_connection
/// and $orctl_upgraded of a WebSocket; $orctl_hops, set for a request with further fields of one connection.
nginx::Config connection_maps();

/// What a server of listeners does with them before anything else.
nginx::Config connection_checks();

}  // namespace orctl
