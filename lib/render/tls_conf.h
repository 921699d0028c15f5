#pragma once
#include <vector>

#include "model/instance.h"
#include "nginx/config.h"

namespace orctl {

/// Whether a listener speaks HTTP/2.
bool has_http2(const Value& listener);

/// The arguments of `listen` for an http or https listener; HTTP/2 is said elsewhere where nginx has a directive for
/// it.
std::vector<nginx::Arg> listen_args(const Value& listener, bool http2_directive);

/// What a server{} with https listeners needs; nothing when there is none.
nginx::Config tls(const Instance& instance);

/// What an admin endpoint needs to take certificates; nothing when there is no https listener. `handler` is the
/// function of lua/orctl/init.lua that answers there.
nginx::Config tls_admin(const Instance& instance, const char* handler);

}  // namespace orctl
