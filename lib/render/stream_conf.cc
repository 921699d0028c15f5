#include "render/stream_conf.h"

#include <fmt/format.h>

#include <set>

#include "model/listener.h"
#include "render/directives.h"

namespace orctl {
namespace {

using nginx::Arg;
using nginx::Config;
using nginx::Directive;

/// streams.d/*.conf may have upstreams too; theirs have no such prefix.
std::string pool(const std::string& upstream) { return "orctl_" + upstream; }

/// Workers share what they know of the servers: max_conns and least_conn hold for all of them together.
Directive zone(const std::string& name, size_t servers) {
  return directive("zone", {text(pool(name)), text(fmt::format("{}k", 64 + 2 * servers))});
}

Config balancing(const Value& upstream) {
  const std::string& balance = upstream.at("balance").as_string();
  if (balance == "least_conn") return {fixed("least_conn", {})};
  if (balance == "random") return {fixed("random", {"two", "least_conn"})};
  if (balance == "hash") return {fixed("hash", {"$remote_addr", "consistent"})};
  return {};
}

Directive upstream_block(const Value& upstream) {
  const std::string& name = upstream.at("name").as_string();
  const auto& servers = upstream.at("server").items();
  Config body = {zone(name, servers.size())};
  append(body, balancing(upstream));
  for (const Value& server : servers) {
    std::vector<Arg> args = {text(server.at("address").as_string())};
    args.push_back(text(fmt::format("weight={}", server.at("weight").as_int())));
    if (const Value* most = server.find("max_conns"); most != nullptr && most->as_int() != 0)
      args.push_back(text(fmt::format("max_conns={}", most->as_int())));
    if (server.at("backup").as_bool()) args.push_back(text("backup"));
    body.push_back(directive("server", std::move(args)));
  }
  return block("upstream", {text(pool(name))}, std::move(body));
}

Directive server_block(const Value& listener, const Value& upstream) {
  std::vector<Arg> listen = {
      text(fmt::format("{}:{}", listener.at("address").as_string(), listener.at("port").as_int()))};
  // a socket for each worker, or the datagrams of one client would come to several, and go to several servers
  if (is_udp(listener)) listen.insert(listen.end(), {text("udp"), text("reuseport")});
  Config body = {directive("listen", std::move(listen)),
                 directive("proxy_pass", {text(pool(upstream.at("name").as_string()))}),
                 directive("proxy_connect_timeout", {text(upstream.at("connect_timeout").as_string())})};
  const int64_t retries = upstream.at("retries").as_int();
  body.push_back(fixed("proxy_next_upstream", {retries == 0 ? "off" : "on"}));
  if (retries != 0) body.push_back(directive("proxy_next_upstream_tries", {text(retries + 1)}));
  for (const char* name : {"proxy_timeout", "proxy_responses", "proxy_requests"})
    if (const Value* v = listener.find(name))
      body.push_back(directive(name, {v->is_int() ? text(v->as_int()) : text(v->as_string())}));
  return block("server", {}, std::move(body));
}

}  // namespace

nginx::Config stream_listeners(const Instance& instance, const std::string& logs) {
  std::map<std::string, const Value*> upstreams;
  for (const Value& upstream : instance.list("upstream")) upstreams.emplace(upstream.at("name").as_string(), &upstream);
  Config pools, servers;
  std::set<std::string> written;
  for (const Value& listener : instance.list("listener")) {
    if (!is_stream(listener)) continue;
    const Value upstream = static_part(*upstreams.at(listener.at("upstream").as_string()));
    if (written.insert(upstream.at("name").as_string()).second) pools.push_back(upstream_block(upstream));
    servers.push_back(server_block(listener, upstream));
  }
  if (servers.empty()) return {};
  Config out = {
      fixed("log_format",
            {"orctl", "escape=json",
             "{\"time\":\"$time_iso8601\",\"client\":\"$remote_addr\",\"protocol\":\"$protocol\",\"port\":$server_port,"
             "\"status\":$status,\"sent\":$bytes_sent,\"received\":$bytes_received,\"seconds\":$session_time,"
             "\"server\":\"$upstream_addr\",\"connect_seconds\":\"$upstream_connect_time\"}"}),
      directive("access_log", {text(logs + "/stream.log"), text("orctl")}),
  };
  append(out, std::move(pools));
  append(out, std::move(servers));
  return out;
}

}  // namespace orctl
