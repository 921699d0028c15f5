#pragma once
#include <functional>
#include <string>

#include "model/diagnostic.h"
#include "model/instance.h"
#include "model/value.h"

namespace orctl {

/// Whether a listener is served by nginx's stream{} block: tcp and udp, which only a reload changes.
bool is_stream(const Value& listener);
bool is_udp(const Value& listener);

/// "0.0.0.0:53/udp", "[::]:443".
std::string socket_name(const Value& listener);

/// Whether two listeners would need the same socket; tcp and udp have ports of their own.
bool overlap(const Value& a, const Value& b);

/// What a stream{} block is made of out of an upstream; a change of anything else in it is none for tcp and udp
/// listeners.
Value static_part(const Value& upstream);

/// Whether an http or https listener is there.
bool has_http(const Instance& instance);
bool has_https(const Instance& instance);

/// Whether a listener, and whether any of an instance, holds requests to the name of their handshake (strict_sni).
bool is_strict(const Value& listener);
bool has_strict(const Instance& instance);

/// Receives severity, code, the value that is wrong, its field, a text and a hint.
using Report = std::function<void(Severity, const char*, const Value&, const std::string&, const std::string&,
                                  const std::string&)>;

/// What the schema cannot say of listeners and certificates: which field belongs to which protocol, upstreams that
/// exist and that a stream{} block can express, certificates for https. Puts hosts into lower case.
void check_protocols(Instance& instance, const Report& report);

}  // namespace orctl
