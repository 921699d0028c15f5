#include "model/server_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/address.h"

namespace orctl {
namespace {

std::string_view shape(PathDepth least) {
  return least == PathDepth::server ? "INST/UP/SERVER" : least == PathDepth::upstream ? "INST/UP" : "INST";
}

}  // namespace

bool is_pattern(std::string_view part) { return part.find_first_of("*?") != std::string_view::npos; }

ServerPath parse_server_path(std::string_view text, PathDepth least) {
  const auto parts = split(text, '/');
  const size_t needed = static_cast<size_t>(least) + 1;
  const bool whole = std::none_of(parts.begin(), parts.end(), [](const std::string& p) { return p.empty(); });
  if (parts.size() < needed || parts.size() > 3 || !whole)
    throw Error(Exit::usage, fmt::format("'{}' is not {}", text, shape(least)),
                "for example prd_payment_001_8080/payment/10.0.0.1:8080; orctl get servers lists them");
  ServerPath path{parts[0], parts.size() > 1 ? parts[1] : "", parts.size() > 2 ? parts[2] : ""};
  if (path.server.empty() || is_pattern(path.server)) return path;
  if (const std::string fault = server_address_fault(path.server); !fault.empty())
    throw Error(Exit::usage, fmt::format("'{}': the server '{}' {}", text, path.server, fault),
                "a server is an address and a port: 10.0.0.1:8080 or [2001:db8::1]:8080");
  path.server = canonical_address(path.server);
  return path;
}

Value parse_weight(std::string_view text) {
  const bool percent = text.ends_with('%');
  const auto number = parse_number(percent ? text.substr(0, text.size() - 1) : text, percent ? 100 : max_weight);
  if (!number)
    throw Error(Exit::usage, fmt::format("'{}' is no weight", text),
                fmt::format("a number from 0 to {}, or a share of the manifest's weight from 0% to 100%", max_weight));
  return percent ? Value(text) : Value(static_cast<int64_t>(*number));
}

}  // namespace orctl
