#pragma once
#include <functional>
#include <string>

#include "model/value.h"

namespace orctl {

/// What the lists of one document hold together at most; lua/orctl/document/gateway.lua has the same numbers, but that
/// of limits, which is in policy/rate_limit.lua. A worker builds what it serves of a document between two requests, so
/// its size is what a request may have to wait.
constexpr size_t max_limits = 1000, max_hosts = 20000, max_servers = 40000;

/// Takes where the sum goes beyond what is allowed, its field, what is summed, and how much is allowed.
using SizeFault = std::function<void(const Value&, const std::string&, const std::string&, size_t)>;

/// Sums that the schema, which knows single lists, cannot limit.
void check_document_size(const Value& spec, const SizeFault& fault);

}  // namespace orctl
