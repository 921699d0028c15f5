#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kind/instance/instance.h"

/// Manifests for tests: fixed ones, and generated ones that are always right.
namespace orctl::test {

/// Choices that repeat: the seed is ORCTL_TEST_SEED, or a fixed number, and each test prints it when it fails.
class Random {
 public:
  explicit Random(uint32_t salt = 0) : seed_(first_seed() + salt), next_(seed_) {}

  uint32_t seed() const { return seed_; }
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(next_); }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<size_t>(high - low) + 1)); }
  bool chance(size_t percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  /// Between 1 and `longest` bytes out of `alphabet`.
  std::string text(std::string_view alphabet, size_t longest) {
    std::string out;
    for (size_t n = below(longest) + 1; n > 0; --n) out += alphabet[below(alphabet.size())];
    return out;
  }
  /// Any bytes at all.
  std::string bytes(size_t longest) {
    std::string out;
    for (size_t n = below(longest + 1); n > 0; --n) out += static_cast<char>(below(256));
    return out;
  }

 private:
  static uint32_t first_seed() {
    const char* given = std::getenv("ORCTL_TEST_SEED");
    return given == nullptr ? 20261121u : static_cast<uint32_t>(std::strtoul(given, nullptr, 10));
  }
  uint32_t seed_;
  std::mt19937 next_;
};

/// Members of an object from pairs, so that a manifest reads like one.
inline Value object(std::initializer_list<std::pair<const char*, Value>> members) {
  Value out = Value::object();
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}
inline Value array(std::initializer_list<Value> items) { return Value(Value::Array(items)); }

inline std::string all_texts(const Diagnostics& found) {
  std::string out;
  for (const Diagnostic& d : found) out += to_text(d);
  return out;
}

/// A manifest that the program made: its text is the JSON of `document`.
inline Manifest manifest_of(const Value& document, const std::string& file = "sample.json") {
  return {{file, to_json(document, 1)}, document, document.at("kind").as_string()};
}

/// The instance that a document describes; the test ends when the document has a fault.
inline Instance instance_of(const Value& document, const Fleet* fleet = nullptr) {
  Diagnostics found;
  auto manifest = read_manifest(manifest_of(document).source, found);
  REQUIRE_MESSAGE(manifest.has_value(), all_texts(found));
  auto instance = make_instance(*manifest, fleet, found);
  REQUIRE_MESSAGE(instance.has_value(), all_texts(found));
  return *instance;
}

/// Reads text as the user would write it; TOML unless the name says otherwise.
inline std::optional<Instance> read_instance(const std::string& text, Diagnostics& found,
                                             const std::string& file = "m.toml", const Fleet* fleet = nullptr) {
  auto manifest = read_manifest({file, text}, found);
  return manifest ? make_instance(*manifest, fleet, found) : std::nullopt;
}

/// A manifest with every field of the schema.
inline Value full_manifest(int port = 8080) {
  return object({
      {"kind", "Instance"},
      {"name", "tst_law_001_" + std::to_string(port)},
      {"labels", object({{"team", "payments"}, {"tier", "edge"}})},
      {"layout", "{env}_{module}_{seq}_{port}"},
      {"files", "payment/"},
      {"nginx", object({{"binary", "/usr/sbin/nginx"},
                        {"user", "root"},
                        {"worker_processes", "auto"},
                        {"worker_connections", 512},
                        {"worker_shutdown_timeout", "2s"},
                        {"keepalive", 16},
                        {"client_max_body_size", "2m"}})},
      {"admin", Value::object()},
      {"source", object({{"type", "redis"},
                         {"host", "127.0.0.1"},
                         {"port", 6379},
                         {"key", "balancer:config"},
                         {"password_file", "/etc/orctl/redis.password"},
                         {"database", 3},
                         {"interval", "5s"},
                         {"timeout", "2s"}})},
      {"listener", array({object({{"address", "127.0.0.1"}, {"port", port}, {"protocol", "http"}}),
                          object({{"port", port},
                                  {"protocol", "udp"},
                                  {"upstream", "wire"},
                                  {"proxy_timeout", "9s"},
                                  {"proxy_responses", 1},
                                  {"proxy_requests", 2}}),
                          object({{"port", port + 1}, {"protocol", "https"}, {"http2", true}})})},
      {"certificate", array({object({{"name", "site"},
                                     {"hosts", array({"www.test1.com"})},
                                     {"certificate", "certs/site.pem"},
                                     {"key", "certs/site.key"}})})},
      {"upstream",
       array({object({{"name", "payment"},
                      {"balance", "round_robin"},
                      {"server", array({object({{"address", "127.0.0.1:9101"}, {"weight", 10}, {"backup", false}}),
                                        object({{"address", "[::1]:9102"}, {"weight", 1}, {"backup", true}})})},
                      {"retries", 1},
                      {"connect_timeout", "1s"},
                      {"send_timeout", "2s"},
                      {"read_timeout", "3s"},
                      {"health", object({{"type", "http"},
                                         {"path", "/ping"},
                                         {"interval", "2s"},
                                         {"timeout", "1s"},
                                         {"rise", 1},
                                         {"fall", 2}})}}),
              object({{"name", "wire"}, {"server", array({object({{"address", "127.0.0.1:9103"}})})}})})},
      {"route",
       array({object({{"host", "www.test1.com"}, {"path", "/api/"}, {"upstream", "payment"}}),
              object({{"hosts", array({"www.test1.com", "*.test2.com"})},
                      {"path", "/v1"},
                      {"match", "exact"},
                      {"methods", array({"GET", "POST"})},
                      {"headers", object({{"X-Canary", "1"}})},
                      {"upstream", "payment"},
                      {"canary", object({{"upstream", "wire"}, {"percent", 5}, {"by", "cookie:user"}})},
                      {"rate_limit", object({{"requests", 100}, {"per", "1m"}, {"burst", 20}, {"by", "route"}})},
                      {"rewrite", "/v2"},
                      {"request_headers", object({{"set", object({{"X-Team", "pay"}})},
                                                  {"add", object({{"X-Via", "gate"}})},
                                                  {"remove", array({"X-Debug"})}})},
                      {"response_headers", object({{"set", object({{"X-Frame-Options", "DENY"}})},
                                                   {"add", object({{"Vary", "X-Canary"}})},
                                                   {"remove", array({"X-Powered-By"})}})},
                      {"connect_timeout", "1s"},
                      {"send_timeout", "2s"},
                      {"read_timeout", "3s"},
                      {"client_max_body_size", "4m"},
                      {"obey_x_accel", array({"buffering", "limit-rate"})},
                      {"upgrades", array({"tcp", "X-Proto/1.0"})}}),
              object({{"path", "/old/"},
                      {"redirect", object({{"status", 301},
                                           {"target", "https://{host}/new/?a=b"},
                                           {"keep_path", true},
                                           {"keep_query", false}})}}),
              object({{"path", "/strip/"}, {"upstream", "payment"}, {"strip_prefix", true}})})},
  });
}

namespace samples {

inline Value server(Random& r, int n) {
  Value out = object({{"address", "127.0.0.1:" + std::to_string(9100 + n)}});
  if (r.chance(60)) out.set("weight", r.between(1, 1000));
  if (r.chance(20)) out.set("backup", r.chance(50));
  return out;
}

inline Value upstream(Random& r, const std::string& name) {
  Value servers = Value::array();
  for (int n = r.between(1, 4); n > 0; --n) servers.push(server(r, n));
  Value out = object({{"name", name}, {"server", servers}});
  if (r.chance(30)) out.set("retries", r.between(0, 10));
  if (r.chance(20)) out.set("health", object({{"type", r.chance(50) ? "http" : "tcp"}, {"interval", "30s"}}));
  for (const char* field : {"connect_timeout", "send_timeout", "read_timeout"})
    if (r.chance(30)) out.set(field, std::to_string(r.between(1, 90)) + (r.chance(50) ? "s" : "ms"));
  return out;
}

inline Value listener(Random& r, int port) {
  Value out = object({{"address", "127.0.0.1"}, {"port", port}});
  if (r.chance(30)) out.set("protocol", "http");
  return out;
}

inline Value nginx(Random& r) {
  Value out = object({{"worker_processes", r.between(1, 2)}, {"worker_shutdown_timeout", "1s"}});
  if (r.chance(50)) out.set("worker_connections", r.between(64, 900));
  if (r.chance(50)) out.set("keepalive", r.between(1, 64));
  if (r.chance(50)) out.set("client_max_body_size", std::to_string(r.between(0, 64)) + "m");
  return out;
}

inline Value labels(Random& r) {
  Value out = Value::object();
  for (int n = r.between(1, 4); n > 0; --n) out.set("k" + std::to_string(r.below(9)), r.text("abcXYZ019", 8));
  return out;
}

/// What makes a route one with a policy, or asks for more than host and path.
inline void policy(Random& r, Value& route) {
  if (r.chance(30)) route.set("methods", array({"GET", r.chance(50) ? "PUT" : "M-SEARCH"}));
  if (r.chance(20)) route.set("headers", object({{"X-A", r.text("ab*", 3)}}));
  if (r.chance(20)) route.set("read_timeout", "3s");
  switch (r.below(30)) {
    case 0:
      return route.set("rewrite", "/" + r.text("ab/", 3)), void();
    case 1:
      return route.set("strip_prefix", r.chance(50)), void();
    case 2:
      return route.set("request_headers", object({{"set", object({{"X-A", r.text("ab$\"", 3)}})}})), void();
    case 3:
      return route.set("response_headers", object({{"remove", array({"X-A"})}})), void();
    case 4:
      return route.set("client_max_body_size", std::to_string(r.between(0, 3)) + "m"), void();
    case 5:
      std::erase_if(route.members(), [](const auto& m) { return m.key == "upstream" || m.key == "read_timeout"; });
      return route.set("redirect", object({{"target", "https://{host}/"}})), void();
    case 7:
      return route.set("obey_x_accel", array({r.chance(50) ? "buffering" : "limit-rate"})), void();
    case 8:
      return route.set("upgrades", array({"tcp"})), void();
    case 6:
      return route.set("rate_limit", object({{"requests", r.between(1, 9)}})), void();
    default:
      return;
  }
}

inline Value routes(Random& r, const Value& upstreams) {
  Value out = Value::array();
  std::vector<std::string> seen;
  for (int n = r.between(0, 6); n > 0 && !upstreams.items().empty(); --n) {
    Value route = Value::object();
    const std::string host = r.pick<std::string>({"", "a.test", "*.b.test", "C.test", "x_y.test"});
    const std::string path = r.pick<std::string>({"/", "/api/", "/$x", "/a'b(c)", "/~;,=", "/&!*@:+"});
    if (!host.empty()) route.set("host", host);
    route.set("path", path);
    route.set("upstream", r.pick(upstreams.items()).at("name").as_string());
    if (std::find(seen.begin(), seen.end(), host + path) != seen.end()) continue;
    seen.push_back(host + path);
    if (r.chance(40)) policy(r, route);
    out.push(std::move(route));
  }
  return out;
}

}  // namespace samples

/// A right manifest, different for each state of `r`.
inline Value random_manifest(Random& r, int port = 8080) {
  Value out = object({{"kind", "Instance"}, {"name", "tst_law_001_" + std::to_string(port)}});
  if (r.chance(60)) out.set("labels", samples::labels(r));
  out.set("nginx", samples::nginx(r));
  Value upstreams = Value::array();
  for (int n = r.between(0, 4); n > 0; --n) upstreams.push(samples::upstream(r, "u" + std::to_string(n)));
  out.set("route", samples::routes(r, upstreams));
  out.set("upstream", std::move(upstreams));
  out.set("listener", array({samples::listener(r, port)}));
  return out;
}

/// What one edit of a manifest may change, each by a name of its own.
inline void edit_manifest(Random& r, Value& m) {
  Value& upstreams = *m.find("upstream");
  switch (r.below(8)) {
    case 0:
      m.set("labels", samples::labels(r));
      return;
    case 1:
      m.find("nginx")->set("worker_connections", r.between(64, 900));
      return;
    case 2:
      m.find("nginx")->set("keepalive", r.between(1, 64));
      return;
    case 3:
      if (!upstreams.items().empty())
        upstreams.items().back() = samples::upstream(r, upstreams.items().back().at("name").as_string());
      return;
    case 4:
      upstreams.push(samples::upstream(r, "new" + std::to_string(upstreams.items().size())));
      return;
    case 5:
      m.set("route", samples::routes(r, upstreams));
      return;
    case 6:
      m.find("nginx")->set("client_max_body_size", std::to_string(r.between(1, 99)) + "k");
      return;
    default:
      if (!upstreams.items().empty())
        std::shuffle(upstreams.items().begin(), upstreams.items().end(),
                     std::mt19937(static_cast<uint32_t>(r.below(1000))));
      return;
  }
}

/// The same document with the members of every object in another order.
inline Value shuffled(Random& r, Value v) {
  if (v.is_array())
    for (Value& item : v.items()) item = shuffled(r, std::move(item));
  if (v.is_object()) {
    for (auto& member : v.members()) member.value = shuffled(r, std::move(member.value));
    std::shuffle(v.members().begin(), v.members().end(), std::mt19937(static_cast<uint32_t>(r.below(1u << 30))));
  }
  return v;
}

}  // namespace orctl::test
