#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/server_path.h"
#include "model/value.h"
#include "store/history.h"
#include "sys/world.h"

namespace orctl {

/// One server of one upstream of one instance.
struct ServerName {
  std::string instance, upstream, address;
  std::string str() const { return instance + "/" + upstream + "/" + address; }
};

/// A server that a manifest does not name.
struct AddedServer {
  int64_t weight = 1;
  bool backup = false;
  int max_conns = 0;  ///< 0: no limit
};

/// A temporary change of one server; what is absent stays as it is.
struct OverrideChange {
  std::string state;            ///< "drain", "maint", "ready"
  std::optional<Value> weight;  ///< 5, or "50%"
  std::optional<AddedServer> add;
  bool remove = false;
  std::string reason, by;
  std::string lasts;  ///< "30m"; empty: until somebody ends it
  bool ignore_min_healthy = false;
};

/// What a path chose, and what was wrong with the instances that could not be asked.
template <class Item>
struct Chosen {
  std::vector<Item> items;
  std::vector<Error> faults;
};

/// Whether the gateway knows nothing of the servers of an upstream: tcp or udp listeners have it, and no route.
bool is_uncounted(const Value& upstream);
/// What the running gateway says of its upstreams (GET /v1/upstreams). Exit::unreachable when it does not run.
Value::Array gateway_upstreams(const World& world, const std::string& instance);
/// The same of the one upstream of that name; nullopt when there is none.
std::optional<Value> gateway_upstream(const World& world, const std::string& instance, const std::string& upstream);
/// The same for its overrides (GET /v1/overrides).
Value::Array gateway_overrides(const World& world, const std::string& instance);

/// The servers that paths, which may be patterns, and labels mean. A plain name that is not there is
/// Error(Exit::absent) with the nearest one; an instance that does not answer is a fault beside the others' servers.
Chosen<ServerName> choose_servers(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                  const World& world);

/// The same for servers that need not be there: instance and upstream may be patterns, the server is an address.
Chosen<ServerName> choose_places(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                 const World& world);

/// Error(Exit::absent) where the instance has no such server; one that an override removed is there.
void require_known(const World& world, const ServerName& server);

/// One override as the gateway tells it, with its instance.
struct Override {
  ServerName server;
  Value item;
};
/// The overrides below the paths (each INST, INST/UP or INST/UP/SERVER); all when there are none.
Chosen<Override> choose_overrides(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                                  const World& world);

struct OverrideOutcome {
  bool changed = false;
  Value item;  ///< the override after it; without state, weight and the like when none is left
};

/// Makes `change`, unless all of it is so already. Exit::guard when min_healthy forbids it, Exit::refused for what the
/// gateway finds wrong with it.
OverrideOutcome put_override(World& world, const ServerName& server, const OverrideChange& change);
/// Marks the override of a server: it weighs nothing while the document's upstream has the weights of this
/// weights_digest(). Exit::refused when the gateway is too old for that.
void replace_override(World& world, const ServerName& server, const std::string& weights);
/// Digest of the weights that an upstream of a gateway document gives its servers; digest_of() of
/// lua/orctl/state/overrides.lua.
std::string weights_digest(const Value& upstream);
/// Whether the document says the weight of this override itself by now.
bool is_superseded(const Override& override);
/// Error(Exit::guard) when `upstream`, as the gateway tells it, is one that nginx balances by itself for tcp or udp
/// listeners: what the gateway says of its servers is nothing that these would follow.
void require_changeable(const ServerName& server, const std::optional<Value>& upstream);
/// Ends the override of a server; false when there was none.
bool end_override(World& world, const ServerName& server);

/// Whether the gateway's answers show that `change` is made already. `server` is the item of GET /v1/upstreams or
/// null, `override` the one of GET /v1/overrides or null.
bool is_made(const OverrideChange& change, const Value& server, const Value& override);

/// How an override was made: how long it took, and the override after it (none when it was ended).
struct OverrideMade {
  Millis took{0};
  Value item{};
};

/// Tells the audit log and the history of an override.
void audit_override(World& world, const ServerName& server, const RevisionNote& note, const OverrideMade& made,
                    const std::function<void(const std::string&)>& tell);

}  // namespace orctl
