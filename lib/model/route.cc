#include "model/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"

namespace orctl {
namespace {

/// What belongs to one connection (RFC 9110, 7.6.1); lua/orctl/route/header_edits.lua knows the same names.
constexpr std::array connection_headers = {"connection",
                                           "content-length",
                                           "http2-settings",
                                           "keep-alive",
                                           "proxy-authenticate",
                                           "proxy-authentication-info",
                                           "proxy-authorization",
                                           "proxy-connection",
                                           "proxy-features",
                                           "proxy-instruction",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade"};
/// What proxy_set_header writes, and what nginx answers itself.
constexpr std::array request_headers = {
    "expect", "forwarded", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
};
constexpr std::array response_headers = {"date", "server"};

constexpr std::array meaningless_in_redirect = {
    "canary",       "strip_prefix",         "rewrite",      "request_headers", "connect_timeout", "send_timeout",
    "read_timeout", "client_max_body_size", "obey_x_accel", "upgrades"};

template <class Names>
bool holds(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether a header is not the user's to write in `edits`, "request_headers" or "response_headers".
bool is_kept(const std::string& edits, const std::string& name) {
  if (edits.empty()) return false;
  return holds(connection_headers, name) ||
         (edits == "request_headers" ? holds(request_headers, name) : holds(response_headers, name));
}

/// Names of a list or of an object's members: each once in any case, and none of the gateway's own.
void check_names(const Value& names, const std::string& field, const std::string& edits, std::set<std::string>& seen,
                 const RouteFault& fault) {
  const auto check = [&](const std::string& name, const Value& at, const std::string& path) {
    if (!seen.insert(lower(name)).second)
      fault("duplicate", at, path, fmt::format("'{}' stands here a second time", name), "keep one of the two");
    else if (is_kept(edits, lower(name)))
      fault("kept-header", at, path, fmt::format("'{}' is written by the gateway, or belongs to one connection", name),
            "take it out");
  };
  if (names.is_object())
    for (const auto& [name, value, place] : names.members()) check(name, value, field + "." + name);
  else
    for (size_t i = 0; i < names.items().size(); ++i)
      check(names.items()[i].as_string(), names.items()[i], fmt::format("{}[{}]", field, i));
}

/// A segment `.` or `..` would be resolved by the server.
void check_dots(const Value& path, const std::string& field, const RouteFault& fault) {
  const std::string& text = path.as_string();
  const std::string whole = text.substr(0, text.find('?')) + "/";
  if (whole.find("/./") != std::string::npos || whole.find("/../") != std::string::npos)
    fault("dot-segment", path, field, "a path here must not hold . or .. as a segment", "write the path that is meant");
}

/// The request's edits come before the canary is decided: what names users must not be one of them.
void check_canary_names(const Value& route, const RouteFault& fault) {
  const Value *canary = route.find("canary"), *edits = route.find("request_headers");
  const Value* by = canary == nullptr ? nullptr : canary->find("by");
  if (by == nullptr || edits == nullptr) return;
  const std::string& text = by->as_string();
  const std::string header = text.starts_with("cookie:")   ? "cookie"
                             : text.starts_with("header:") ? lower(text.substr(std::string("header:").size()))
                                                           : "";
  const auto check = [&](const std::string& name) {
    if (lower(name) == header)
      fault("contradiction", *by, ".canary.by",
            fmt::format("request_headers of the same route edit '{}', which names users here", name),
            "edit another header, or let another one name them");
  };
  for (const auto& [kind, names, place] : edits->members()) {
    if (names.is_object())
      for (const auto& [name, value, at] : names.members()) check(name);
    else
      for (const Value& name : names.items()) check(name.as_string());
  }
}

/// Behind these stand requests of HTTP again, which no route would see; lua/orctl/route/rules.lua has the same.
void check_upgrades(const Value& tokens, const RouteFault& fault) {
  for (size_t i = 0; i < tokens.items().size(); ++i) {
    const std::string& text = tokens.items()[i].as_string();
    const std::string name = lower(text.substr(0, text.find('/')));
    if (name == "h2c" || name == "h2" || name == "h3" || name == "http" || name == "tls")
      fault("upgrade-tunnel", tokens.items()[i], fmt::format(".upgrades[{}]", i),
            fmt::format("'{}' would be a tunnel for requests past every route", text), "take it out");
  }
}

std::string joined(const Value& list) {
  std::vector<std::string> all;
  for (const Value& item : list.items()) all.push_back(item.as_string());
  return join(all, ",");
}

}  // namespace

int64_t size_bytes(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  const int64_t number = std::stoll(text.substr(0, digits));
  if (digits == std::string::npos) return number;
  const char unit = text[digits];
  return number << (unit == 'k' || unit == 'K' ? 10 : unit == 'm' || unit == 'M' ? 20 : 30);
}

const Value* canary_upstream(const Value& route) {
  const Value* canary = route.find("canary");
  return canary == nullptr ? nullptr : canary->find("upstream");
}

void check_route(const Value& route, const RouteFault& fault) {
  const Value *host = route.find("host"), *hosts = route.find("hosts"), *upstream = route.find("upstream"),
              *redirect = route.find("redirect"), *strip = route.find("strip_prefix"), *rewrite = route.find("rewrite");
  if (host != nullptr && hosts != nullptr)
    fault("contradiction", *hosts, ".hosts", "a route has host or hosts, not both", "put all hosts into hosts");
  if (upstream == nullptr && redirect == nullptr)
    fault("no-target", route, ".upstream", "a route needs an upstream or a redirect", "add upstream = \"NAME\"");
  if (upstream != nullptr && redirect != nullptr)
    fault("contradiction", *redirect, ".redirect", "a route has an upstream or a redirect, not both",
          "keep one of the two");
  for (const char* name : meaningless_in_redirect)
    if (const Value* given = route.find(name); redirect != nullptr && given != nullptr)
      fault("contradiction", *given, std::string(".") + name, "a redirect sends nothing to a server", "take it out");
  check_canary_names(route, fault);
  if (const Value* other = canary_upstream(route); other != nullptr && upstream != nullptr && *other == *upstream)
    fault("contradiction", *other, ".canary.upstream", "the canary is the route's own upstream",
          "name the upstream that gets the share");
  if (strip != nullptr && strip->as_bool() && rewrite != nullptr)
    fault("contradiction", *strip, ".strip_prefix", "a route has strip_prefix or rewrite, not both",
          "strip_prefix = true is rewrite = \"/\"");
  if (rewrite != nullptr) check_dots(*rewrite, ".rewrite", fault);
  if (redirect != nullptr) check_dots(redirect->at("target"), ".redirect.target", fault);
  std::set<std::string> seen;
  if (hosts != nullptr) check_names(*hosts, ".hosts", {}, seen, fault);
  seen.clear();
  if (const Value* methods = route.find("methods")) check_names(*methods, ".methods", {}, seen, fault);
  seen.clear();
  if (const Value* headers = route.find("headers")) check_names(*headers, ".headers", {}, seen, fault);
  for (const std::string field : {"obey_x_accel", "upgrades"}) {
    seen.clear();
    if (const Value* names = route.find(field)) check_names(*names, "." + field, {}, seen, fault);
  }
  if (const Value* upgrades = route.find("upgrades")) check_upgrades(*upgrades, fault);
  for (const std::string edits : {"request_headers", "response_headers"}) {
    seen.clear();
    if (const Value* given = route.find(edits))
      for (const auto& [kind, names, place] : given->members())
        check_names(names, "." + edits + "." + kind, edits, seen, fault);
  }
}

void make_canonical(Value& route) {
  const auto to_lower = [](Value& text) {
    const Place place = text.place;
    text = Value(lower(text.as_string()));
    text.place = place;
  };
  if (Value* host = route.find("host")) to_lower(*host);
  if (Value* hosts = route.find("hosts"))
    for (Value& host : hosts->items()) to_lower(host);
  std::erase_if(route.members(), [](const auto& m) { return m.key == "match" && m.value == Value("prefix"); });
}

std::vector<std::string> route_keys(const Value& route) {
  std::string rest = route.at("path").as_string();
  if (route.find("match") != nullptr) rest += " exact";
  std::set<std::string> parts;
  if (const Value* methods = route.find("methods"))
    for (const Value& method : methods->items()) parts.insert("method " + method.as_string());
  if (const Value* headers = route.find("headers"))
    for (const auto& [name, value, place] : headers->members())
      parts.insert("header " + lower(name) + " " + value.as_string());
  for (const std::string& part : parts) rest += '\n' + part;
  std::vector<std::string> keys;
  if (const Value* hosts = route.find("hosts"))
    for (const Value& host : hosts->items()) keys.push_back(host.as_string() + rest);
  const Value* host = route.find("host");
  if (keys.empty()) keys.push_back((host == nullptr ? "" : host->as_string()) + rest);
  return keys;
}

std::string route_label(const Value& route) {
  const Value *host = route.find("host"), *hosts = route.find("hosts"), *match = route.find("match");
  std::string out = host != nullptr ? host->as_string() : hosts != nullptr ? joined(*hosts) : "*";
  out += route.at("path").as_string();
  if (match != nullptr) out += ":" + match->as_string();
  if (const Value* methods = route.find("methods")) out += ":" + joined(*methods);
  if (const Value* headers = route.find("headers")) out += ":" + to_json(*headers);
  return out;
}

}  // namespace orctl
