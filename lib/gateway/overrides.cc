#include "gateway/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/moment.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "model/address.h"
#include "model/read.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/select.h"

namespace orctl {
namespace {

constexpr Millis request_limit(5000);
constexpr const char* in_the_manifest =
    "change the server or its weight in the manifest, and `orctl apply`; connections that are there stay until they "
    "end";

std::string text_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

bool is_true(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_bool() && v->as_bool();
}

/// `pattern` matches, or is the same address in another spelling.
bool matches(const std::string& pattern, const std::string& name) {
  return glob_match(pattern, name) || pattern == canonical_address(name);
}

/// What `ask` learns at the admin socket of an instance, if it is that instance that answers there.
template <class Ask>
auto ask_own(const World& world, const std::string& instance, const Ask& ask) {
  try {
    const std::string socket = world.layout.admin_socket(instance);
    require_own_gateway(gateway_status(world, socket, request_limit), instance);
    return ask(socket);
  } catch (const Error& e) {
    throw e.within(instance);
  }
}

/// Upstreams and their servers of one instance; those that an override removed and that are idle stand there, too.
using Servers = std::vector<std::pair<std::string, std::string>>;

void add_servers_of(const Value& upstream, Servers& all) {
  all.emplace_back(text_of(upstream, "name"), "");  // an upstream may be empty
  for (const Value& server : upstream.at("servers").items())
    all.emplace_back(text_of(upstream, "name"), text_of(server, "address"));
}

/// What instances say of their servers, each asked once for a thing: one upstream among thousands does not cost all.
/// nullopt: the instance does not answer, which is a fault.
class Asked {
 public:
  Asked(const World& world, std::vector<Error>& faults) : world_(world), faults_(faults) {}

  const std::optional<Servers>& all(const std::string& instance) {
    return once(instance, [&](Servers& out) {
      for (const Value& upstream : gateway_upstreams(world_, instance)) add_servers_of(upstream, out);
    });
  }

  /// Those that `upstream`, which may be a pattern, can mean: all when it is one, or when there is none of that name.
  const std::optional<Servers>& of(const std::string& instance, const std::string& upstream) {
    if (is_pattern(upstream) || silent_.contains(instance)) return all(instance);
    const auto& one = once(instance + "/" + upstream, [&](Servers& out) {
      if (const auto found = gateway_upstream(world_, instance, upstream)) add_servers_of(*found, out);
    });
    if (!one) silent_.insert(instance);
    return one && one->empty() ? all(instance) : one;
  }

 private:
  template <class Ask>
  const std::optional<Servers>& once(const std::string& what, const Ask& ask) {
    const auto [known, first] = known_.emplace(what, std::nullopt);
    try {
      if (Servers servers; first) {
        ask(servers);
        known->second = std::move(servers);
      }
    } catch (const Error& e) {
      faults_.push_back(e);
    }
    return known->second;
  }

  const World& world_;
  std::vector<Error>& faults_;
  std::map<std::string, std::optional<Servers>> known_;
  std::set<std::string> silent_;
};

/// Error for a plain name in `path` that `all` does not have; none when a pattern just matched nothing.
std::optional<Error> unknown_part(const ServerPath& path, const std::string& instance, const Servers& all) {
  if (is_pattern(path.instance)) return std::nullopt;
  const auto tell = [&](const std::string& what, const std::string& name, const std::vector<std::string>& known) {
    const auto near = nearest(name, known);
    return Error(Exit::absent, fmt::format("{} has no {} '{}'", instance, what, name),
                 near ? "did you mean '" + *near + "'?" : "orctl get servers " + instance);
  };
  std::vector<std::string> upstreams, servers;
  for (const auto& [upstream, server] : all) {
    if (upstreams.empty() || upstreams.back() != upstream) upstreams.push_back(upstream);
    if (!server.empty() && matches(path.upstream, upstream)) servers.push_back(server);
  }
  const auto known = [&](const std::string& u) { return matches(path.upstream, u); };
  if (!is_pattern(path.upstream) && std::none_of(upstreams.begin(), upstreams.end(), known))
    return tell("upstream", path.upstream, upstreams);
  if (!is_pattern(path.upstream) && !path.server.empty() && !is_pattern(path.server))
    return tell("server", path.upstream + "/" + path.server, servers);
  return std::nullopt;
}

/// A gateway that does not answer in time has got the order, and may carry it out when it goes on.
template <class Ask>
Http::Response ask_to_change(const ServerName& server, const Ask& ask) {
  try {
    return ask();
  } catch (const Error& e) {
    if (e.exit() != Exit::timeout) throw;
    throw Error(e.exit(),
                fmt::format("{}: {}; it may still be carried out when the gateway goes on", server.str(), e.what()),
                "see once it answers: orctl overrides list " + server.instance);
  }
}

std::string server_path(const ServerName& server) { return "/v1/overrides/" + server.upstream + "/" + server.address; }

/// A refusal of the gateway as the command line tells it.
Error refusal(const Http::Response& response, const ServerName& server) {
  Diagnostics found;
  const auto body = read_json({"", response.body}, found);
  const std::string detail = body && body->is_object() ? text_of(*body, "detail") : "";
  const std::string words = server.str() + ": " + detail;
  if (response.status == 409 && body && text_of(*body, "code") == "min_healthy")
    return Error(Exit::guard, words + "; nothing was changed",
                 "get another server to work first, or allow it with --ignore-min-healthy");
  if (response.status == 409 && body && text_of(*body, "code") == "fixed")
    return Error(Exit::guard, words + "; nothing was changed", in_the_manifest);
  if (detail.empty()) return gateway_problem(response, "the request for " + server.str());
  if (response.status == 404) return Error(Exit::absent, words, "orctl get servers " + server.instance);
  if (response.status == 422) return Error(Exit::refused, words);
  return Error(Exit::target, words, "orctl status " + server.instance);
}

Value value_of(const AddedServer& added) {
  Value server = Value::object();
  server.set("weight", added.weight);
  server.set("backup", added.backup);
  if (added.max_conns > 0) server.set("max_conns", added.max_conns);
  return server;
}

Value body_of(const OverrideChange& change) {
  Value body = Value::object();
  if (!change.state.empty()) body.set("state", change.state);
  if (change.weight) body.set("weight", *change.weight);
  if (change.add) body.set("add", value_of(*change.add));
  if (change.remove) body.set("remove", true);
  if (!change.reason.empty()) body.set("reason", change.reason);
  body.set("by", change.by);
  if (!change.lasts.empty()) body.set("for", change.lasts);
  if (change.ignore_min_healthy) body.set("ignore_min_healthy", true);
  return body;
}

/// Whether an end asked for is the one that stands: the same command a moment later moves it by less than a fiftieth,
/// and that is no change.
bool same_end(const std::string& lasts, const Value& override) {
  if (lasts.empty()) return true;
  const Value* left = override.find("expires_in");
  const auto wanted = parse_duration(lasts);
  if (left == nullptr || !left->is_number() || !wanted) return false;
  const double seconds = static_cast<double>(wanted->count()) / 1000;
  return left->as_double() <= seconds + 1 && left->as_double() >= seconds * 0.98;
}

bool is_added_so(const Value& wanted, const Value& server) {
  return std::all_of(wanted.members().begin(), wanted.members().end(), [&](const Value::Member& m) {
    const Value* now = server.find(m.key);
    return now != nullptr && *now == m.value;
  });
}

Value find_server(const World& world, const ServerName& server) {
  const auto upstream = gateway_upstream(world, server.instance, server.upstream);
  require_changeable(server, upstream);
  if (upstream)
    for (const Value& one : upstream->at("servers").items())
      if (canonical_address(text_of(one, "address")) == canonical_address(server.address)) return one;
  return {};
}

}  // namespace

bool is_uncounted(const Value& upstream) {
  const Value* servers = upstream.find("servers") != nullptr ? upstream.find("servers") : upstream.find("server");
  return upstream.find("fixed") != nullptr && servers != nullptr &&
         std::none_of(servers->items().begin(), servers->items().end(),
                      [](const Value& server) { return server.find("state") != nullptr; });
}

Value::Array gateway_upstreams(const World& world, const std::string& instance) {
  return ask_own(world, instance,
                 [&](const std::string& socket) { return gateway_list(world, socket, ListOf::upstreams); });
}

std::optional<Value> gateway_upstream(const World& world, const std::string& instance, const std::string& upstream) {
  return ask_own(world, instance, [&](const std::string& socket) { return upstream_at(world, socket, upstream); });
}

Value::Array gateway_overrides(const World& world, const std::string& instance) {
  return ask_own(world, instance,
                 [&](const std::string& socket) { return gateway_list(world, socket, ListOf::overrides); });
}

namespace {

/// The first plain name of `paths` that is nothing of `instance`; an override is proof enough that its server is there.
std::optional<Error> unknown_of(const std::vector<ServerPath>& paths, const std::string& instance,
                                const Value::Array& overrides, Asked& asked) {
  for (const ServerPath& path : paths) {
    if (path.upstream.empty() || path.instance != instance) continue;
    const auto is_its = [&](const Value& item) {
      return matches(path.upstream, text_of(item, "upstream")) &&
             (path.server.empty() || matches(path.server, text_of(item, "server")));
    };
    if (std::any_of(overrides.begin(), overrides.end(), is_its)) continue;
    const auto& servers = asked.of(instance, path.upstream);
    if (!servers || std::any_of(servers->begin(), servers->end(), [&](const auto& one) {
          return matches(path.upstream, one.first) && (path.server.empty() || matches(path.server, one.second));
        }))
      continue;
    if (auto unknown = unknown_part(path, instance, *servers)) return unknown;
  }
  return std::nullopt;
}

/// A server that is there, or the place for one that may be there.
enum class Seek { server, place };

Chosen<ServerName> choose(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels, Seek seek,
                          const World& world) {
  Chosen<ServerName> out;
  std::set<std::string> seen;
  Asked asked(world, out.faults);
  const auto unread = [&](const Error& e) { out.faults.push_back(e); };
  for (const ServerPath& path : paths) {
    bool found = false, answered = true;
    for (const std::string& instance : select_instances({path.instance}, labels, world, unread)) {
      const auto& servers = asked.of(instance, path.upstream);
      answered = answered && servers;
      if (!servers) continue;
      bool here = false;
      for (const auto& [upstream, server] : *servers) {
        if (server.empty() != (seek == Seek::place) || !matches(path.upstream, upstream)) continue;
        if (seek == Seek::server && !matches(path.server, server)) continue;
        here = true;
        ServerName name{instance, upstream, seek == Seek::place ? path.server : server};
        if (seen.insert(name.str()).second) out.items.push_back(std::move(name));
      }
      if (const auto unknown = here ? std::nullopt : unknown_part(path, instance, *servers)) throw Error(*unknown);
      found = found || here;
    }
    if (!found && answered)
      throw Error(Exit::usage, fmt::format("nothing matches '{}/{}/{}'", path.instance, path.upstream, path.server),
                  "orctl get servers");
  }
  return out;
}

}  // namespace

Chosen<ServerName> choose_servers(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                  const World& world) {
  return choose(paths, labels, Seek::server, world);
}

Chosen<ServerName> choose_places(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                 const World& world) {
  for (const ServerPath& path : paths)
    if (is_pattern(path.server))
      throw Error(Exit::usage, "'" + path.server + "' is a pattern; what is added has an address",
                  "for example " + path.instance + "/" + path.upstream + "/10.0.0.9:8080");
  return choose(paths, labels, Seek::place, world);
}

Chosen<Override> choose_overrides(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                  const World& world) {
  Chosen<Override> out;
  std::vector<std::string> names;
  for (const ServerPath& path : paths) names.push_back(path.instance);
  const auto unread = [&](const Error& e) { out.faults.push_back(e); };
  Asked asked(world, out.faults);
  std::optional<Error> unknown;
  for (const std::string& instance : select_instances(names, labels, world, unread)) {
    try {
      Value::Array all = gateway_overrides(world, instance);
      if (!unknown) unknown = unknown_of(paths, instance, all, asked);
      for (Value& item : all) {
        const std::string upstream = text_of(item, "upstream"), server = text_of(item, "server");
        const bool wanted = paths.empty() || std::any_of(paths.begin(), paths.end(), [&](const ServerPath& path) {
                              return glob_match(path.instance, instance) &&
                                     (path.upstream.empty() || matches(path.upstream, upstream)) &&
                                     (path.server.empty() || matches(path.server, server));
                            });
        if (wanted) out.items.push_back({{instance, upstream, server}, std::move(item)});
      }
    } catch (const Error& e) {
      out.faults.push_back(e);
    }
  }
  if (unknown) throw Error(*unknown);
  return out;
}

void require_known(const World& world, const ServerName& server) {
  const auto found = choose_servers({{server.instance, server.upstream, server.address}}, {}, world);
  if (!found.faults.empty()) throw Error(found.faults.front());
}

bool is_made(const OverrideChange& change, const Value& server, const Value& override) {
  const Value none = Value::object();
  const Value& entry = override.is_object() ? override : none;
  const std::string state = text_of(entry, "state");
  if (change.state == "ready") return state.empty();
  if (!change.state.empty() && state != change.state) return false;
  if (change.weight) {
    const Value* weight = entry.find("weight");
    if (weight == nullptr || *weight != *change.weight || is_true(entry, "superseded")) return false;
  }
  if (change.add && !(is_true(entry, "added") && server.is_object() && is_added_so(value_of(*change.add), server)))
    return false;
  if (change.remove && !is_true(entry, "removed")) return false;
  const bool same_reason = change.reason.empty() || text_of(entry, "reason") == change.reason;
  return same_reason && same_end(change.lasts, entry);
}

void require_changeable(const ServerName& server, const std::optional<Value>& upstream) {
  const Value* listeners = upstream ? upstream->find("fixed") : nullptr;
  if (listeners == nullptr) return;
  std::vector<std::string> names;
  for (const Value& name : listeners->items()) names.push_back(name.as_string());
  throw Error(Exit::guard,
              fmt::format("{}: nginx itself balances upstream '{}' for {}, and no override reaches that; nothing was "
                          "changed",
                          server.str(), server.upstream, join(names, ", ")),
              in_the_manifest);
}

OverrideOutcome put_override(World& world, const ServerName& server, const OverrideChange& change) {
  const Value now = find_server(world, server);
  const Value* entry = now.is_object() ? now.find("override") : nullptr;
  const Value none = Value::object();
  if (change.state == "ready" && entry != nullptr && is_true(*entry, "removed"))
    throw Error(Exit::refused, server.str() + " was removed by an override",
                "orctl overrides discard " + server.str() + " brings it back");
  if (is_made(change, now, entry == nullptr ? none : *entry)) return {false, entry == nullptr ? none : *entry};
  const Http::Response response = ask_to_change(server, [&] {
    return world.http.put({world.layout.admin_socket(server.instance), ""}, server_path(server),
                          to_json(body_of(change)), request_limit);
  });
  if (response.status != 200) throw refusal(response, server);
  return {true, gateway_answer(response, "PUT " + server_path(server))};
}

void replace_override(World& world, const ServerName& server, const std::string& weights) {
  const Value body(Value::Object{{"replaced_by", weights}, {"ignore_min_healthy", true}});
  const Http::Response response = world.http.put({world.layout.admin_socket(server.instance), ""}, server_path(server),
                                                 to_json(body), request_limit);
  if (response.status == 422)
    throw Error(Exit::refused,
                server.instance + ": the gateway that runs is older than this orctl; nothing was changed",
                "renew it first: orctl apply -f MANIFEST");
  if (response.status != 200) throw refusal(response, server);
}

std::string weights_digest(const Value& upstream) {
  std::string lines;
  for (const Value& server : upstream.at("servers").items()) {
    const Value* weight = server.find("weight");
    lines += fmt::format("{} {}\n", server.at("address").as_string(), weight == nullptr ? 1 : weight->as_int());
  }
  return sha256(lines);
}

bool is_superseded(const Override& override) { return is_true(override.item, "superseded"); }

bool end_override(World& world, const ServerName& server) {
  const Http::Response response = ask_to_change(server, [&] {
    return world.http.remove({world.layout.admin_socket(server.instance), ""}, server_path(server), request_limit);
  });
  if (response.status == 404) return false;
  if (response.status != 200) throw refusal(response, server);
  return true;
}

void audit_override(World& world, const ServerName& server, const RevisionNote& note, const OverrideMade& made,
                    const std::function<void(const std::string&)>& tell) {
  Value what = Value::object();
  what.set("server", server.upstream + "/" + server.address);
  what.set("outcome", "override");
  const Value* left = made.item.is_object() ? made.item.find("expires_in") : nullptr;
  if (left != nullptr && left->is_number())
    what.set("ends", moment_text(world.clock.now() + static_cast<int64_t>(std::ceil(left->as_double()))));
  if (made.took.count() != 0) what.set("milliseconds", static_cast<int64_t>(made.took.count()));
  write_audit(world, server.instance, note, what, tell);
}

}  // namespace orctl
