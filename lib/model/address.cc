#include "model/address.h"

#include <arpa/inet.h>

#include <array>

#include "base/text.h"

namespace orctl {
namespace {

bool bracketed(std::string_view host) { return host.size() > 2 && host.front() == '[' && host.back() == ']'; }

bool parse_v4(std::string_view host, in_addr& out) { return inet_pton(AF_INET, std::string(host).c_str(), &out) == 1; }

bool parse_v6(std::string_view host, in6_addr& out) {
  return bracketed(host) && inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &out) == 1;
}

}  // namespace

std::string address_fault(std::string_view host) {
  in_addr v4{};
  in6_addr v6{};
  if (bracketed(host)) return parse_v6(host, v6) ? "" : "is no IPv6 address";
  return parse_v4(host, v4) ? "" : "is no IPv4 address";
}

std::string server_host_fault(std::string_view host) {
  if (auto fault = address_fault(host); !fault.empty()) return fault;
  if (is_wildcard(host)) return "stands for every address, not for one server";
  in_addr v4{};
  in6_addr v6{};
  if (parse_v4(host, v4)) {
    const uint32_t n = ntohl(v4.s_addr);
    if (n >> 24 == 0) return "is in 0.0.0.0/8, which no server has";
    if (n >> 28 == 0xe) return "is a multicast address";
    if (n == 0xffffffff) return "is the broadcast address";
  } else if (parse_v6(host, v6) && v6.s6_addr[0] == 0xff) {
    return "is a multicast address";
  }
  return {};
}

std::string server_address_fault(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return "has no port";
  if (auto fault = server_host_fault(address.substr(0, colon)); !fault.empty()) return fault;
  const auto port = parse_number(address.substr(colon + 1), 65535);
  return port && *port > 0 ? "" : "has a port outside 1 to 65535";
}

std::string canonical_host(std::string_view host) {
  in6_addr v6{};
  char text[INET6_ADDRSTRLEN];
  if (!parse_v6(host, v6) || inet_ntop(AF_INET6, &v6, text, sizeof text) == nullptr) return std::string(host);
  return "[" + std::string(text) + "]";
}

std::string canonical_address(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::string(address);
  return canonical_host(address.substr(0, colon)) + std::string(address.substr(colon));
}

bool is_wildcard(std::string_view host) {
  in6_addr v6{};
  static constexpr std::array<uint8_t, 16> zero{};
  if (parse_v6(host, v6))
    return std::string_view(reinterpret_cast<const char*>(v6.s6_addr), 16) ==
           std::string_view(reinterpret_cast<const char*>(zero.data()), 16);
  return host == "0.0.0.0";
}

}  // namespace orctl
