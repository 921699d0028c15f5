#include "render/connection_conf.h"

#include <fmt/format.h>

#include <string>

#include "model/address.h"
#include "model/listener.h"
#include "model/route_phases.h"
#include "render/directives.h"

namespace orctl {
namespace {

using nginx::Config;
using nginx::Directive;

Directive entry(const std::string& key, const char* value) { return directive(key, {{value, true}}); }

/// A host as a route may have it, or an IPv6 address, with a port that is captured. lua/orctl/route/fields.lua has the
/// same labels. Every class is closed: of what is not here, nothing reaches a redirect or a server.
std::string authority() {
  const std::string label = "[a-z0-9_]+(?:-+[a-z0-9_]+)*";
  const std::string port = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]";
  return "(?![^ :/?]{255})(?:" + label + "(?:[.]" + label + ")*[.]?|[[][0-9a-f:.]{2,45}[]])(?:(:(?:" + port + "))|:)?";
}

/// nginx takes nearly any byte for a part of a host and looks at no port. $host is its reading of that, lower case
/// and without the port: of the request line if that names a host (RFC 9112, 3.2.2), else of the header.
Directive host_map() {
  return block("map", {{"$http_host $request", true}, {"$orctl_host", true}},
               {
                   fixed("default", {""}), entry("~*^" + authority() + " [a-z_-]+ +/", "$host$1"),
                   entry("~*^[^ ]* [a-z_-]+ +https?://" + authority() + "[/? ]", "$host$1"),
                   entry("~*^ [a-z_-]+ +/", "$host"),  // HTTP/1.0 without a Host: "_"
               });
}

constexpr const char* before_token = "(?<![^ ,\\x09])";
constexpr const char* after_token = "(?![^ ,\\x09])";

Config upgrade_maps() {
  const std::string token = std::string(before_token) + "websocket" + after_token;
  return {
      // only HTTP/1.1 has upgrades, and only where Connection says so (RFC 9110, 7.8)
      block("map", {{"$server_protocol $http_connection", true}, {"$orctl_may_upgrade", true}},
            {fixed("default", {""}),
             entry(std::string("~*^HTTP/1[.]1 (?:.*[ ,\\x09])?upgrade") + after_token, "websocket")}),
      block("map", {{"$http_upgrade", true}, {"$orctl_upgrade", true}},
            {fixed("default", {""}), fixed("websocket", {"$orctl_may_upgrade"}),
             entry("~*" + token, "$orctl_may_upgrade")}),
      block("map", {{"$orctl_upgrade", true}, {"$orctl_connection", true}},
            {fixed("default", {"upgrade"}), directive("", {text("")})}),
  };
}

/// Nearly all requests say one of these and cost a look into a table; the rest goes by way of Lua.
Config hop_maps(const char* next) {
  Directive usual =
      block("map", {{"$http_connection", true}, {"$orctl_named", true}}, {fixed("default", {"@orctl_hops"})});
  for (const char* value : {"", "close", "keep-alive", "upgrade", "keep-alive, upgrade", "upgrade, keep-alive", "te",
                            "close, te", "te, close", "keep-alive, te", "te, keep-alive"})
    usual.block.push_back(directive(value, {text("")}));
  return {
      usual,
      block("map", {{"$orctl_upgrade", true}, {"$orctl_refused_upgrade", true}},
            {fixed("default", {"$orctl_named"}), fixed("", {"@orctl_hops"})}),
      block("map", {{"$http_upgrade", true}, {"$orctl_hops", true}},
            {fixed("default", {"$orctl_refused_upgrade"}), directive("", {{"$orctl_named", true}})}),
      block("map", {{"$orctl_host", true}, {"$orctl_gate", true}},
            {fixed("default", {next}), fixed("", {"@orctl_hops"})}),
  };
}

/// Decimal numbers above `most`, which is positive, as a regular expression.
std::string above(int64_t most) {
  const std::string digits = std::to_string(most);
  std::string out = fmt::format("[1-9][0-9]{{{},}}", digits.size());
  for (size_t i = 0; i < digits.size(); ++i)
    if (digits[i] != '9')
      out += fmt::format("|{}[{}-9][0-9]{{{}}}", digits.substr(0, i), static_cast<char>(digits[i] + 1),
                         digits.size() - i - 1);
  return out;
}

/// nginx looks at Content-Length where it finds a location, with a line in error.log, and never in a named one, to
/// which error pages lead. So bodies that say how large they are are judged before.
Config size_maps(int64_t most, const char* next) {
  return {block("map", {{"$http_content_length", true}, {"$orctl_too_large", true}},
                {fixed("default", {""}), entry("~^0*(?:" + above(most) + ")$", "1")}),
          block("map", {{"$orctl_too_large", true}, {"$orctl_sized", true}},
                {fixed("default", {"@orctl_hops"}), directive("", {{next, true}})})};
}

/// $server_addr of a listener's connections, with the port; it has no brackets.
std::string local_address(const Value& listener) {
  std::string address = canonical_host(listener.at("address").as_string());
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  return fmt::format("{} {}", address, listener.at("port").as_int());
}

/// Requests whose host is not the very name of their handshake go by way of Lua, which knows the certificates. An
/// address is named in no handshake (RFC 6066, 3).
Config strict_maps(const Instance& instance) {
  Directive strict = block("map", {{"$server_addr $server_port", true}, {"$orctl_strict", true}}, {});
  Config wildcards;
  for (const Value& listener : instance.list("listener")) {
    if (is_stream(listener)) continue;
    const std::string value = is_strict(listener) ? "1" : "";
    const std::string& address = listener.at("address").as_string();
    const std::string family = address[0] == '[' ? "^[^ ]*:[^ ]* " : "^[0-9.]+ ";
    if (is_wildcard(address))
      wildcards.push_back(entry(fmt::format("~{}{}$", family, listener.at("port").as_int()), value.c_str()));
    else
      strict.block.push_back(directive(local_address(listener), {text(value)}));
  }
  append(strict.block, std::move(wildcards));
  return {std::move(strict),
          block("map", {{"$ssl_server_name $host", true}, {"$orctl_other_name", true}},
                {fixed("default", {"$orctl_strict"}), entry("~*^([^ ]+?)[.]? \\1$", ""),
                 entry("~^ (?:[0-9.]+|[[].*)$", "")}),
          block("map", {{"$orctl_other_name", true}, {"$orctl_directed", true}},
                {fixed("default", {"@orctl_hops"}), fixed("", {"$orctl_hops"})})};
}

}  // namespace

Config connection_maps(const Instance& instance) {
  const bool strict = has_strict(instance);
  Config out = {host_map()};
  append(out, upgrade_maps());
  const int64_t most = route_phases(instance.spec).body_cap;
  const char* const next = strict ? "$orctl_directed" : "$orctl_hops";
  append(out, hop_maps(most == 0 ? next : "$orctl_sized"));
  if (most != 0) append(out, size_maps(most, next));
  if (strict) append(out, strict_maps(instance));
  return out;
}

Config hop_headers() {
  Config out;
  const char* const proxy[] = {"Proxy-Authenticate",  "Proxy-Authentication-Info",
                               "Proxy-Authorization", "Proxy-Connection",
                               "Proxy-Features",      "Proxy-Instruction"};
  for (const char* name : proxy) out.push_back(fixed("proxy_set_header", {name, ""}));
  for (const char* name : {"HTTP2-Settings", "TE", "Trailer", "Upgrade"})
    out.push_back(fixed("proxy_hide_header", {name}));
  for (const char* name : proxy) out.push_back(fixed("proxy_hide_header", {name}));
  return out;
}

Config connection_checks() {
  return {
      fixed("recursive_error_pages", {"on"}),  // $orctl_gate is one, and has some of its own
      fixed("error_page", {"490", "=400", "@orctl_bad"}),
      fixed("error_page", {"491", "=", "$orctl_gate"}),
      // one condition for all, as each costs every request; lua/orctl/init.lua tells them apart
      block("if", {text("("), {"$orctl_gate", true}, text(")")}, {fixed("return", {"491"})}),
  };
}

}  // namespace orctl
