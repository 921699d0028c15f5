#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/value.h"

namespace orctl {

/// Name of the upstream that gets a share of the route's requests; nullptr without one.
const Value* canary_upstream(const Value& route);

/// Bytes of a size as nginx writes it: "512", "16k", "1m", "2g"; the schema has passed it.
int64_t size_bytes(const std::string& text);

/// Takes a fault: its code, where it stands, its field below the route (".redirect"), text and hint.
using RouteFault = std::function<void(const char*, const Value&, const std::string&, std::string, std::string)>;

/// What the schema cannot say of one route; lua/orctl/route/rules.lua and policy/ say the same of the document.
void check_route(const Value& route, const RouteFault& fault);

/// One route as equal meaning gives equal values: hosts in lower case, no `match` that says what its absence says.
void make_canonical(Value& route);

/// Texts that two routes share exactly if they answer the same requests, one for each host.
std::vector<std::string> route_keys(const Value& route);

/// Which requests a route answers: "www.test1.com/api/", "a.com,b.com/", "*/:GET".
std::string route_label(const Value& route);

}  // namespace orctl
