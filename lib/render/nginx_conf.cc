#include "render/nginx_conf.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/tree_paths.h"
#include "model/listener.h"
#include "model/route_phases.h"
#include "render/admin_conf.h"
#include "render/connection_conf.h"
#include "render/directives.h"
#include "render/log_conf.h"
#include "render/stream_conf.h"
#include "render/tls_conf.h"

namespace orctl {
namespace {

using nginx::Arg;
using nginx::Config;
using nginx::Directive;

/// Keepalive pools: one upstream{} holds one pool per worker, searched linearly, so hosts are spread over several.
constexpr int shards = 32;

std::string shard(int n) { return fmt::format("orctl_{:02}", n); }

bool has_folder(const Tree& overlay, const char* folder) {
  const auto first = overlay.lower_bound(folder);
  return first != overlay.end() && first->first.starts_with(folder);
}

/// Takes in all files of a folder of the overlay.
Directive include_of(const char* folder) { return fixed("include", {std::string(folder) + "*.conf"}); }

/// Name and digest stand in Lua source, so nothing but their own alphabets may get here.
std::string lua_literal(const std::string& value) {
  for (const char c : value)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
      throw std::logic_error("not a Lua literal: " + value);
  return '"' + value + '"';
}

/// A phase of every request. init_by_lua has loaded the module; require() would be a call of C each time, which also
/// keeps LuaJIT from compiling the whole phase.
Directive request_phase(const std::string& name, const std::string& function) {
  return lua(name, fmt::format("package.loaded[\"orctl.init\"].{}()", function));
}
Directive request_phase(const std::string& name) { return request_phase(name, name); }

Config pools(const Value& nginx) {
  Config out;
  Directive split = block("split_clients", {{"$host"}, {"$orctl_shard"}}, {});
  for (int n = 0; n < shards - 1; ++n) split.block.push_back(directive("3.12%", {text(shard(n))}));
  split.block.push_back(directive("*", {text(shard(shards - 1))}));
  out.push_back(std::move(split));
  for (int n = 0; n < shards; ++n)
    out.push_back(block("upstream", {text(shard(n))},
                        {fixed("server", {"127.0.0.1:1", "down"}), request_phase("balancer"),
                         directive("keepalive", {text(nginx.at("keepalive").as_int())})}));
  return out;
}

Config proxying(const Instance& instance, const RoutePhases& phases) {
  Config out;
  if (phases.any()) {
    // what lua/orctl/policy/rewrite.lua wants the server to be asked for; empty: what the client sent
    out.push_back(block("map", {text(""), {"$orctl_uri"}}, {directive("default", {text("")})}));
  }
  append(out, connection_maps(instance));
  append(out,
         {
             // declares a variable that costs nothing until the balancer writes it on the way to the error page;
             // `set` would be a rewrite phase for every request
             block("map", {text(""), {"$orctl_error"}}, {directive("default", {text("")})}),
             // the same: the balancer writes the route of each request for the log, in one variable, as each costs
             block("map", {text(""), {"$orctl_route"}}, {directive("default", {text("")})}),
             // and the cookie of a sticky upstream
             block("map", {text(""), {"$orctl_set_cookie"}}, {directive("default", {text("")})}),
             fixed("proxy_http_version", {"1.1"}),
             fixed("proxy_set_header", {"Host", "$orctl_host"}),
             fixed("proxy_set_header", {"Upgrade", "$orctl_upgrade"}),
             fixed("proxy_set_header", {"Connection", "$orctl_connection"}),
             fixed("proxy_set_header", {"HTTP2-Settings", ""}),
             fixed("proxy_set_header", {"Trailer", ""}),
             fixed("proxy_set_header", {"Forwarded", ""}),  // says again what X-Forwarded-* say, in the client's word
             fixed("proxy_set_header", {"X-Real-IP", "$remote_addr"}),
             fixed("proxy_set_header", {"X-Forwarded-For", "$proxy_add_x_forwarded_for"}),
             fixed("proxy_set_header", {"X-Forwarded-Proto", "$scheme"}),
             fixed("proxy_set_header", {"X-Forwarded-Host", "$orctl_host"}),
             // a server does not order the gateway about; nginx hides these headers as well
             fixed("proxy_ignore_headers", {"X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Limit-Rate",
                                            "X-Accel-Buffering", "X-Accel-Charset"}),
             fixed("proxy_next_upstream", {"error", "timeout"}),
             // the defaults of the gateway document; lua/orctl/balancer/phase.lua sets only what differs from these
             fixed("proxy_connect_timeout", {"5s"}),
             fixed("proxy_send_timeout", {"60s"}),
             fixed("proxy_read_timeout", {"60s"}),
         });
  append(out, hop_headers());
  return out;
}

/// A way of requests to servers. Without policies no phase before the balancer's runs on the usual one.
struct Way {
  std::string name;     ///< of its location
  std::string rewrite;  ///< function of its rewrite phase, empty for none
  bool ends = false;    ///< the connection with the answer
};

/// Where lua/orctl/state/farewell.lua leads requests while workers are about to go.
constexpr const char* last_way = "@orctl_farewell";

/// Each costs a phase, so a request is led to the cheapest way that does all it needs; the ways of `obey_x_accel` come
/// behind the rewrite phase of another one.
std::vector<Way> ways(const RoutePhases& phases) {
  const char* const rewrite = phases.any() ? "rewrite" : "";
  std::vector<Way> out = {{"/", rewrite}, {"@orctl_hops", "hops"}, {last_way, rewrite, true}};
  if (phases.any())
    for (const char* orders : {"buffering", "limit_rate", "all"})
      out.push_back({std::string("@orctl_accel_") + orders, ""});
  return out;
}

/// What nginx does not obey there; it hides these headers from clients in any case. Redirect leads into the tree's own
/// locations, and what Expires and Charset order is nothing that the gateway does.
Directive ignored_headers(const std::string& way) {
  Directive out = fixed("proxy_ignore_headers", {"X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Charset"});
  if (way == "@orctl_accel_buffering") out.args.push_back({"X-Accel-Limit-Rate"});
  if (way == "@orctl_accel_limit_rate") out.args.push_back({"X-Accel-Buffering"});
  return out;
}

/// What a server's ways to upstreams have in common. `filter` is the function of their header filter phase.
struct Proxying {
  const RoutePhases& phases;
  std::string log;
  const char* filter;
  bool mirrors;  ///< a snippet has requests copied to other servers
};

Directive proxy_location(const Proxying& of, const Way& way) {
  const RoutePhases& phases = of.phases;
  Config out = {fixed("add_header", {"Set-Cookie", "$orctl_set_cookie", "always"})};  // nothing when empty
  if (way.name == "/") out.push_back(fixed("root", {last_way}));  // serves no file: a mark that says who has that way
  if (way.ends) out.push_back(fixed("keepalive_timeout", {"0"}));
  if (way.ends && !phases.any()) out.push_back(access_log(of.log, LogOf::turned_away));
  if (way.name.starts_with("@orctl_accel_")) out.push_back(ignored_headers(way.name));
  if (!way.rewrite.empty()) out.push_back(request_phase("rewrite", way.rewrite));
  if (phases.phases.contains(Phase::access)) out.push_back(request_phase("access"));
  if (phases.any()) {
    // the gateway itself holds routes to smaller limits; it cannot stop nginx from refusing more
    out.push_back(directive("client_max_body_size", {text(phases.body_cap)}));
  }
  // whatever a snippet says: a body that nobody holds is lost on the way to the location of a farewell, and the server
  // would take the next request on that connection for it; and a policy knows how large it is only when it is there
  out.push_back(fixed("proxy_request_buffering", {"on"}));
  // the location before has sent the copies
  if (of.mirrors && way.ends && !phases.any()) out.push_back(fixed("mirror", {"off"}));
  out.push_back(fixed("lua_transform_underscores_in_response_headers", {"off"}));
  out.push_back(request_phase("header_filter", of.filter));
  out.push_back(fixed("proxy_pass", {phases.any() ? "http://$orctl_shard$orctl_uri" : "http://$orctl_shard"}));
  return block("location", {text(way.name)}, std::move(out));
}

/// Of answers HTTP/2 allows less than HTTP/1.1, from which nginx takes them over.
enum class Clients { http1, http2_too };

/// The server of the listeners in `listens`.
Directive data_server(const Instance& instance, const Tree& overlay, const std::string& digest, const std::string& log,
                      Config listens, Clients clients) {
  Config body = std::move(listens);
  append(body, tls(instance));
  append(body, connection_checks());
  const RoutePhases phases = route_phases(instance.spec);
  append(body, {
                   fixed("server_name", {"_"}),
                   fixed("error_page", {"404", "413", "421", "429", "500", "502", "504",
                                        "@orctl_error"}),  // without "=", which would lose the status
                   request_phase("log"),
                   block("location", {text("="), text(proof_path(digest))},
                         {fixed("access_log", {"off"}), fixed("return", {"204"})}),
               });
  const Proxying proxying = {phases, log, clients == Clients::http1 ? "header_filter" : "header_filter_http2",
                             directives_of_snippets(overlay).contains("mirror")};
  for (const Way& way : ways(phases)) body.push_back(proxy_location(proxying, way));
  Config error = {fixed("internal", {}), lua("content", "require(\"orctl.init\").fail()")};
  if (proxying.mirrors) error.push_back(fixed("mirror", {"off"}));
  if (!phases.any()) error.push_back(access_log(log, LogOf::turned_away));  // what was turned away may come to it, too
  append(body, {
                   block("location", {text("@orctl_error")}, std::move(error)),
                   block("location", {text("@orctl_bad")},
                         {fixed("internal", {}), lua("content", "require(\"orctl.init\").bad()")}),
               });
  return block("server", {}, std::move(body));
}

/// One server, or two: `http2 on` is of a whole server, those without TLS included, which would speak HTTP/2, too.
Config data_servers(const Instance& instance, const Tree& overlay, const std::string& digest, const std::string& log,
                    bool http2_directive) {
  Config without, with;
  Clients clients = Clients::http1;  // of the first server
  for (const Value& listener : instance.list("listener")) {
    if (is_stream(listener)) continue;
    const bool apart = http2_directive && has_http2(listener);
    if (has_http2(listener) && !apart) clients = Clients::http2_too;
    (apart ? with : without).push_back(directive("listen", listen_args(listener, http2_directive)));
  }
  Config out;
  if (!without.empty()) out.push_back(data_server(instance, overlay, digest, log, std::move(without), clients));
  if (with.empty()) return out;
  with.push_back(fixed("http2", {"on"}));
  out.push_back(data_server(instance, overlay, digest, log, std::move(with), Clients::http2_too));
  return out;
}

/// The admin endpoint, on its unix socket or on TCP. Sizes and times are limited.
Directive admin_server(const Arg& listen, const char* handler) {
  const Directive answer = lua("content", fmt::format("require(\"orctl.init\").{}()", handler));
  return block("server", {},
               {
                   directive("listen", {listen}),
                   fixed("server_name", {"localhost"}),
                   fixed("access_log", {"off"}),
                   fixed("client_max_body_size", {"64k"}),
                   fixed("client_body_buffer_size", {"64k"}),
                   fixed("client_header_timeout", {"3s"}),
                   fixed("client_body_timeout", {"3s"}),
                   fixed("send_timeout", {"3s"}),
                   fixed("keepalive_timeout", {"5s"}),
                   fixed("lingering_timeout", {"1s"}),
                   // a path and not a @name: a request line that is too long has no path to keep
                   fixed("error_page", {"400", "404", "405", "408", "412", "413", "414", "500", "/orctl_error"}),
                   fixed("error_page", {"494", "=431", "/orctl_error"}),
                   block("location", {text("="), text("/orctl_error")},
                         {fixed("internal", {}), lua("content", "require(\"orctl.init\").fail()")}),
                   block("location", {text("="), text("/v1/config")}, {fixed("client_max_body_size", {"32m"}), answer}),
                   block("location", {text("="), text("/config")}, {fixed("client_max_body_size", {"32m"}), answer}),
                   block("location", {text("/v1/upstreams/")}, {fixed("client_max_body_size", {"32m"}), answer}),
                   block("location", {text("/")}, {answer}),
               });
}

Directive http(const Instance& instance, const Tree& overlay, const Target& target, const Layout& layout,
               const std::string& digest) {
  const std::string name = instance.name.str();
  const Value& nginx = instance.spec.at("nginx");
  Config body = {
      fixed("lua_package_path", {std::string("$prefix/") + tree_path::lua + "?.lua;;"}),
      fixed("lua_shared_dict", {"orctl", "32m"}),
      fixed("lua_socket_log_errors", {"off"}),  // the gateway says itself what its probes and its source cannot reach
      lua("init", fmt::format("require(\"orctl.init\").init({}, {})", lua_literal(name), lua_literal(digest))),
      lua("init_worker", "require(\"orctl.init\").init_worker()"),
      block("geo", {{"$orctl_dollar"}}, {directive("default", {{"$"}})}),
      fixed("server_tokens", {"off"}),
      directive("client_max_body_size", {text(nginx.at("client_max_body_size").as_string())}),
  };
  // a worker that goes takes one more request on a connection that was used so shortly before; longer would keep it
  // from going, and others from coming
  if (target.keepalive_min_timeout) body.push_back(fixed("keepalive_min_timeout", {"2s"}));
  if (const Value* trusted = nginx.find("trusted_certificate")) {
    body.push_back(directive("lua_ssl_trusted_certificate", {text(trusted->as_string())}));
    body.push_back(fixed("lua_ssl_verify_depth", {"5"}));
  }
  for (const char* temp : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    body.push_back(directive(std::string(temp) + "_temp_path", {text(layout.state(name) + "/" + temp)}));
  const RoutePhases phases = route_phases(instance.spec);
  const std::string log = layout.logs(name) + "/access.log";
  append(body, log_formats(!phases.any()));
  body.push_back(access_log(log, LogOf::usual));
  append(body, proxying(instance, phases));
  append(body, pools(nginx));
  body.push_back(request_phase("log", "ended"));  // of an overlay's servers, which may use the pools
  append(body, data_servers(instance, overlay, digest, log, target.http2_directive));
  if (has_folder(overlay, tree_path::http_snippets)) body.push_back(include_of(tree_path::http_snippets));
  body.push_back(admin_server(text("unix:" + layout.admin_socket(name)), "admin"));
  append(body.back().block, tls_admin(instance, "admin"));
  append(body.back().block, undo_of_snippets(overlay));
  const Value* admin = instance.spec.find("admin");
  if (const Value* listen = admin == nullptr ? nullptr : admin->find("listen")) {
    body.push_back(fixed("lua_shared_dict", {"orctl_auth", "1m"}));
    body.push_back(admin_server(text(listen->as_string()), "admin_tcp"));
    append(body.back().block, tls_admin(instance, "admin_tcp"));
    append(body.back().block, undo_of_snippets(overlay));
  }
  return block("http", {}, std::move(body));
}

}  // namespace

nginx::Config nginx_conf(const Instance& instance, const Tree& overlay, const Target& target, const Layout& layout,
                         const std::string& digest) {
  const std::string name = instance.name.str();
  const Value& nginx = instance.spec.at("nginx");
  Config stream = stream_listeners(instance, layout.logs(name));
  if (has_folder(overlay, tree_path::stream_snippets)) stream.push_back(include_of(tree_path::stream_snippets));
  const Value& workers = nginx.at("worker_processes");
  Config out;
  for (const std::string& module : target.modules) out.push_back(directive("load_module", {text(module)}));
  if (!stream.empty())
    for (const std::string& module : target.stream_modules) out.push_back(directive("load_module", {text(module)}));
  if (!target.user.empty()) out.push_back(directive("user", {text(target.user), text(target.group)}));
  append(out,
         {
             directive("worker_processes", {workers.is_int() ? text(workers.as_int()) : text(workers.as_string())}),
             directive("worker_shutdown_timeout", {text(nginx.at("worker_shutdown_timeout").as_string())}),
             fixed("pcre_jit", {"on"}),  // every request's host is held against an expression
             directive("pid", {text(layout.pid(name))}),
             directive("lock_file", {text(layout.run(name) + "/nginx.lock")}),
             directive("error_log", {text(layout.logs(name) + "/error.log"), text("notice")}),
             block("events", {}, {directive("worker_connections", {text(nginx.at("worker_connections").as_int())})}),
             http(instance, overlay, target, layout, digest),
         });
  if (!stream.empty()) out.push_back(block("stream", {}, std::move(stream)));
  return out;
}

}  // namespace orctl
