#include "model/listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "model/address.h"

namespace orctl {
namespace {

const std::string& protocol(const Value& listener) { return listener.at("protocol").as_string(); }

bool any_listener(const Instance& instance, bool (*is)(const Value&)) {
  const auto& all = instance.list("listener");
  return std::any_of(all.begin(), all.end(), is);
}

/// What of an upstream stands in a stream{} block, besides its servers, and what of a server.
constexpr const char* static_members[] = {"name", "balance", "hash", "retries", "connect_timeout"};
constexpr const char* static_server_members[] = {"address", "weight", "backup", "max_conns"};

bool is_one_of(const std::string& name, const auto& names) {
  return std::any_of(std::begin(names), std::end(names), [&](const char* one) { return name == one; });
}

/// Whether the manifest itself says this; a default has no place there.
bool is_given(const Value& value) { return value.place.line != 0; }

const Value* find_upstream(const Instance& instance, const std::string& name) {
  for (const Value& upstream : instance.list("upstream"))
    if (upstream.at("name").as_string() == name) return &upstream;
  return nullptr;
}

class Protocols {
 public:
  Protocols(Instance& instance, const Report& report) : instance_(instance), report_(report) {}

  void check() {
    const auto& listeners = instance_.list("listener");
    for (size_t i = 0; i < listeners.size(); ++i) {
      const std::string field = fmt::format("listener[{}]", i);
      check_fields(listeners[i], field);
      if (is_stream(listeners[i])) check_stream(listeners[i], field);
    }
    check_certificates();
    if (!has_http(instance_)) warn_of_http();
  }

 private:
  /// What only requests have to do with, where none can come.
  void warn_of_http() {
    const auto warn = [&](const Value& given, const std::string& field) {
      report_(Severity::warning, "not-for-protocol", given, field,
              "does nothing: no listener has protocol \"http\" or \"https\"",
              "add such a [[listener]], or take it away");
    };
    const auto& routes = instance_.list("route");
    for (size_t i = 0; i < routes.size(); ++i) warn(routes[i], fmt::format("route[{}]", i));
    const Value& nginx = instance_.spec.at("nginx");
    for (const char* name :
         {"client_max_body_size", "keepalive", "trusted_certificate"})  // checks decide nothing, either
      if (const Value* given = nginx.find(name); given != nullptr && is_given(*given))
        warn(*given, std::string("nginx.") + name);
    if (const Value* source = instance_.spec.find("source")) warn(*source, "source");
  }

  void error(const char* code, const Value& at, const std::string& field, const std::string& text,
             const std::string& hint) {
    report_(Severity::error, code, at, field, text, hint);
  }

  void check_fields(const Value& listener, const std::string& field) {
    struct Rule {
      const char* name;
      const char* protocols;  ///< blank before and behind each
      const char* hint;
    };
    static const Rule rules[] = {
        {"upstream", " tcp udp ", "take it away: a [[route]] says where http requests go"},
        {"proxy_timeout", " tcp udp ", "for http it is read_timeout and send_timeout of the upstream"},
        {"proxy_responses", " udp ", "take it away"},
        {"proxy_requests", " udp ", "take it away"},
        {"http2", " https ", "take it away: browsers speak HTTP/2 over TLS only"},
        {"strict_sni", " https ", "take it away: only a TLS handshake names a host"},
    };
    for (const Rule& rule : rules) {
      const Value* given = listener.find(rule.name);
      if (given != nullptr && std::string(rule.protocols).find(" " + protocol(listener) + " ") == std::string::npos)
        error("not-for-protocol", *given, field + "." + rule.name,
              fmt::format("a listener with protocol \"{}\" has no {}", protocol(listener), rule.name), rule.hint);
    }
    if (const Value* timeout = listener.find("proxy_timeout")) {
      const auto span = parse_duration(timeout->as_string());
      if (!span || *span > std::chrono::hours(24))
        error("out-of-range", *timeout, field + ".proxy_timeout",
              fmt::format("{} is longer than 24h", timeout->as_string()), "use at most \"24h\"");
    }
    if (protocol(listener) == "https" && instance_.list("certificate").empty())
      error("no-certificate", listener.at("protocol"), field + ".protocol", "https needs a certificate",
            "add [[certificate]] name = \"site\", certificate = \"certs/site.pem\", key = \"certs/site.key\"");
  }

  void check_stream(const Value& listener, const std::string& field) {
    const Value* name = listener.find("upstream");
    if (name == nullptr)
      return error("no-upstream", listener, field + ".upstream",
                   fmt::format("a {} listener needs an upstream", protocol(listener)), "add upstream = \"NAME\"");
    const Value* upstream = find_upstream(instance_, name->as_string());
    if (upstream == nullptr) {
      std::vector<std::string> known;
      for (const Value& one : instance_.list("upstream")) known.push_back(one.at("name").as_string());
      const auto near = nearest(name->as_string(), known);
      return error("unknown-upstream", *name, field + ".upstream",
                   fmt::format("there is no upstream '{}'", name->as_string()),
                   near            ? "did you mean \"" + *near + "\"?"
                   : known.empty() ? "add [[upstream]] name = " + to_json(*name)
                                   : "one of " + join(known, ", "));
    }
    check_balance(listener, *upstream, field);
    std::vector<std::string> without;
    for (const auto& [key, value, place] : upstream->members())
      if (key != "server" && is_given(value) && !is_one_of(key, static_members)) without.push_back(key);
    if (!without.empty())
      report_(Severity::warning, "not-for-protocol", *name, field + ".upstream",
              fmt::format("{} of upstream '{}' do{} nothing for {}", join(without, ", "), name->as_string(),
                          without.size() == 1 ? "es" : "", socket_name(listener)),
              "nginx itself leaves a server out for 10 s after a connection to it failed");
  }

  /// nginx's stream{} block has fewer ways to balance than the gateway's Lua.
  void check_balance(const Value& listener, const Value& upstream, const std::string& field) {
    const std::string& balance = upstream.at("balance").as_string();
    const Value* hash = upstream.find("hash");
    const bool by_client = balance == "hash" && hash != nullptr && hash->as_string() == "client";
    const std::string& name = upstream.at("name").as_string();
    if (balance != "round_robin" && balance != "least_conn" && balance != "random" && !by_client)
      return error("not-for-protocol", listener.at("upstream"), field + ".upstream",
                   fmt::format("{} listeners cannot balance as upstream '{}' says: {}{}", protocol(listener), name,
                               balance, balance == "hash" && hash != nullptr ? " by " + hash->as_string() : ""),
                   balance == "ip_hash" || balance == "hash"
                       ? "use balance = \"hash\" with hash = \"client\""
                       : "use round_robin, least_conn, random, or hash = \"client\"");
    size_t backups = 0;
    const auto& servers = upstream.at("server").items();
    for (const Value& server : servers) backups += server.at("backup").as_bool() ? 1 : 0;
    if (backups == 0) return;
    if (backups == servers.size())
      error("only-backups", listener.at("upstream"), field + ".upstream",
            fmt::format("upstream '{}' has only backup servers, which {} listeners cannot have", name,
                        protocol(listener)),
            "take backup = true away from at least one");
    else if (balance == "random" || balance == "hash")
      error("not-for-protocol", listener.at("upstream"), field + ".upstream",
            fmt::format("{} listeners cannot have backup servers with balance = \"{}\" (upstream '{}')",
                        protocol(listener), balance, name),
            "use round_robin or least_conn, or take backup = true away");
  }

  void check_certificates() {
    auto& certificates = instance_.spec.find("certificate")->items();
    std::map<std::string, size_t> names;
    for (size_t i = 0; i < certificates.size(); ++i) {
      const std::string field = fmt::format("certificate[{}]", i);
      const Value& name = certificates[i].at("name");
      if (const auto [first, fresh] = names.emplace(name.as_string(), i); !fresh)
        error("duplicate", name, field + ".name",
              fmt::format("certificate '{}' stands here a second time", name.as_string()),
              fmt::format("rename it, or take certificate[{}] away", first->second));
      Value* given = certificates[i].find("hosts");
      std::set<std::string> hosts;  // those of two certificates may be the same (model/certificate_rules.h)
      for (size_t j = 0; given != nullptr && j < given->items().size(); ++j) {
        Value& host = given->items()[j];
        const Place place = host.place;
        host = Value(lower(host.as_string()));
        host.place = place;
        if (!hosts.insert(host.as_string()).second)
          error("duplicate", host, fmt::format("{}.hosts[{}]", field, j),
                fmt::format("'{}' stands here a second time", host.as_string()), "keep it once");
      }
    }
    if (!certificates.empty() && !has_https(instance_))
      report_(Severity::warning, "unused-certificate", certificates[0].at("name"), "certificate",
              "no listener has protocol = \"https\"", "add protocol = \"https\" to a [[listener]]");
  }

  Instance& instance_;
  const Report& report_;
};

}  // namespace

bool is_udp(const Value& listener) { return protocol(listener) == "udp"; }
bool is_stream(const Value& listener) { return is_udp(listener) || protocol(listener) == "tcp"; }

std::string socket_name(const Value& listener) {
  return fmt::format("{}:{}{}", listener.at("address").as_string(), listener.at("port").as_int(),
                     is_udp(listener) ? "/udp" : "");
}

bool overlap(const Value& a, const Value& b) {
  if (a.at("port") != b.at("port") || is_udp(a) != is_udp(b)) return false;
  const std::string &x = a.at("address").as_string(), &y = b.at("address").as_string();
  const bool same_family = (x[0] == '[') == (y[0] == '[');
  return canonical_host(x) == canonical_host(y) || (same_family && (is_wildcard(x) || is_wildcard(y)));
}

Value static_part(const Value& upstream) {
  Value out = Value::object();
  for (const char* member : static_members)
    if (const Value* v = upstream.find(member)) out.set(member, *v);
  Value servers = Value::array();
  for (const Value& server : upstream.at("server").items()) {
    Value one = Value::object();
    for (const char* member : static_server_members)
      if (const Value* v = server.find(member)) one.set(member, *v);
    servers.push(std::move(one));
  }
  out.set("server", std::move(servers));
  return out;
}

bool has_http(const Instance& instance) {
  return any_listener(instance, [](const Value& l) { return !is_stream(l); });
}
bool is_strict(const Value& listener) {
  const Value* strict = listener.find("strict_sni");
  return strict != nullptr && strict->as_bool();
}
bool has_strict(const Instance& instance) { return any_listener(instance, is_strict); }
bool has_https(const Instance& instance) {
  return any_listener(instance, [](const Value& l) { return protocol(l) == "https"; });
}

void check_protocols(Instance& instance, const Report& report) { Protocols(instance, report).check(); }

}  // namespace orctl
