#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orctl {

/// An IPv6 address; an IPv4 one is written as ::ffff:a.b.c.d, so that both stand in one order.
using IpAddress = std::array<uint8_t, 16>;

/// All addresses whose first `bits` bits are those of `base`.
struct Network {
  IpAddress base{};
  unsigned bits = 128;  ///< in IPv6, so 10.0.0.0/8 has 104

  bool holds(const IpAddress& address) const;
};

/// Reads an IPv4 address or a bracketed IPv6 address, as a server of an upstream has it; nullopt when it is none.
std::optional<IpAddress> parse_ip(std::string_view host);

/// What "10.0.0.0/8", "2001:db8::/32", "10.0.0.1", "loopback" or "any" mean. Empty when `text` is none of these or has
/// bits behind its prefix; `fault` then says what is wrong with it, and `hint` what to write.
std::vector<Network> parse_networks(const std::string& text, std::string& fault, std::string& hint);

/// Some ports of a network.
struct Endpoints {
  Network network;
  int64_t low = 0, high = 65535;
  std::string text;  ///< as it is written

  bool holds(const IpAddress& address, int64_t port) const {
    return low <= port && port <= high && network.holds(address);
  }
};

/// What parse_networks() takes, with a port or LOW-HIGH behind a colon if need be: "10.0.0.0/8:443",
/// "[2001:db8::/32]:1024-65535", "any:80". Empty, `fault` and `hint` as there.
std::vector<Endpoints> parse_endpoints(const std::string& text, std::string& fault, std::string& hint);

/// The IPv4 address that a translator or a tunnel makes of `address`: NAT64 (RFC 6052), 6to4 (RFC 3056) and ISATAP
/// (RFC 5214). An IPv4-mapped address is an IPv4 one already.
std::optional<IpAddress> carried_v4(const IpAddress& address);

}  // namespace orctl
