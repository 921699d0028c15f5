#include "model/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace orctl {
namespace {

constexpr unsigned v4_prefix = 96;  // of ::ffff:0:0

IpAddress mapped(const uint8_t* v4) {
  IpAddress out{};
  out[10] = out[11] = 0xff;
  std::copy(v4, v4 + 4, out.begin() + 12);
  return out;
}

std::optional<IpAddress> parse_plain(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would end there
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return mapped(reinterpret_cast<const uint8_t*>(&v4.s_addr));
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::nullopt;
  IpAddress out{};
  std::copy(std::begin(v6.s6_addr), std::end(v6.s6_addr), out.begin());
  return out;
}

/// `base` with every bit behind the prefix cleared.
IpAddress cleared(IpAddress base, unsigned bits) {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned kept = bits <= i * 8 ? 0 : std::min(8u, bits - i * 8);
    base[i] = static_cast<uint8_t>(base[i] & (0xff00u >> kept));
  }
  return base;
}

std::string plain_text(const IpAddress& address, bool v4) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

/// The network and the ports of "NETWORK", "NETWORK:PORTS" and "[NETWORK]:PORTS".
std::pair<std::string, std::optional<std::string>> split_ports(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (text.starts_with("[")) {
    const size_t end = text.find(']');
    if (end == text.size() - 1) return {text.substr(1, end - 1), std::nullopt};
    if (end != std::string::npos && end + 1 == colon) return {text.substr(1, end - 1), text.substr(colon + 1)};
    return {text, std::nullopt};  // parse_networks() says what is wrong with it
  }
  const bool one = colon != std::string::npos && text.find(':') == colon;
  return one ? std::pair(text.substr(0, colon), std::optional(text.substr(colon + 1))) : std::pair(text, std::nullopt);
}

}  // namespace

bool Network::holds(const IpAddress& address) const { return cleared(address, bits) == base; }

std::optional<IpAddress> parse_ip(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  const auto address = parse_plain(std::string(bracketed ? host.substr(1, host.size() - 2) : host));
  if (bracketed && host.find(':') == std::string_view::npos) return std::nullopt;
  return address;
}

std::vector<Network> parse_networks(const std::string& text, std::string& fault, std::string& hint) {
  if (text == "any") return {{{}, 0}};
  if (text == "loopback") {
    const uint8_t v4[4] = {127, 0, 0, 0};
    IpAddress v6{};
    v6[15] = 1;
    return {{mapped(v4), v4_prefix + 8}, {v6, 128}};
  }
  hint = "for example \"10.0.0.0/8\", \"2001:db8::/32\" or \"loopback\"";
  const size_t slash = text.find('/');
  const auto address = parse_plain(text.substr(0, slash));
  if (!address) {
    fault = "is no network";
    return {};
  }
  const bool v4 = text.find(':') == std::string::npos;
  const long most = v4 ? 32 : 128;
  const auto bits = slash == std::string::npos ? most : parse_number(text.substr(slash + 1), most);
  if (!bits) {
    fault = fmt::format("has a prefix length outside 0 to {}", most);
    return {};
  }
  const unsigned prefix = static_cast<unsigned>(*bits) + (v4 ? v4_prefix : 0);
  const IpAddress base = cleared(*address, prefix);
  if (base != *address) {
    fault = "has bits behind its prefix";
    hint = fmt::format("did you mean \"{}/{}\"?", plain_text(base, v4), *bits);
    return {};
  }
  return {{base, prefix}};
}

std::vector<Endpoints> parse_endpoints(const std::string& text, std::string& fault, std::string& hint) {
  constexpr long most = 65535;
  const auto [place, ports] = split_ports(text);
  Endpoints range{{}, 0, most, text};
  if (ports) {
    const size_t dash = ports->find('-');
    const auto low = parse_number(ports->substr(0, dash), most);
    const auto high = dash == std::string::npos ? low : parse_number(ports->substr(dash + 1), most);
    if (!low || !high || *low > *high) {
      fault = "has no port, or range of ports, behind its colon";
      hint = "for example \"10.0.0.9:6379\" or \"any:1024-65535\"";
      return {};
    }
    range.low = *low;
    range.high = *high;
  }
  std::vector<Endpoints> all;
  for (const Network& network : parse_networks(place, fault, hint)) {
    all.push_back(range);
    all.back().network = network;
  }
  return all;
}

std::optional<IpAddress> carried_v4(const IpAddress& a) {
  const auto begins = [&](std::initializer_list<uint8_t> bytes) {
    return std::equal(bytes.begin(), bytes.end(), a.begin());
  };
  if (begins({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return mapped(&a[12]);
  if (begins({0x20, 0x02})) return mapped(&a[2]);
  const bool isatap = (a[8] & 0xfd) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe;
  return isatap ? std::optional(mapped(&a[12])) : std::nullopt;
}

}  // namespace orctl
