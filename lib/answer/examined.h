#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answer/finding.h"
#include "gateway/summary.h"
#include "live/drift.h"
#include "live/observe.h"
#include "live/served_certificates.h"
#include "sys/world.h"

namespace orctl {

/// A worker that takes no more connections.
struct Draining {
  int pid = 0;
  std::optional<int64_t> seconds;  ///< nullopt: the gateway does not say since when
};

/// One instance, and all that says how it is: in the store, on disk, in systemd, in its processes and by its gateway's
/// word.
struct Examined {
  Observed now;
  bool changing = false;      ///< a command holds its lock
  std::optional<Error> tree;  ///< what is wrong with its tree, and as a hint what mends it
  std::vector<Drift> drift;
  std::optional<GatewaySummary> summary;
  bool older_gateway = false;  ///< it has no summary: its servers are told by its list of upstreams
  Value::Array overrides;      ///< as the gateway tells them
  std::vector<Ending> endings;
  std::vector<Draining> draining;
  std::vector<Error> not_told;  ///< what was asked of the gateway in vain
  std::vector<Finding> findings;
};

/// What an instance is given to answer: an instance that hangs costs this, and the others nothing.
constexpr Millis examine_limit(2000);

/// Looks at one instance; what cannot be read of it is in its findings.
Examined examine(const std::string& name, const World& world, const NginxMasters& all);
/// The same of many at once, in the order of `names`. What examine() throws of one is told to `fault`, and that one is
/// left out.
std::vector<Examined> examine_all(const std::vector<std::string>& names, const World& world,
                                  const std::function<void(const Error&)>& fault);

/// What is to be said of an instance that was looked at: a function of what was seen alone.
std::vector<Finding> findings_of(const Examined& seen);

/// Servers that take requests, and those that should: over all upstreams of which something is known.
struct ServerCount {
  int64_t up = 0, total = 0;
  bool operator==(const ServerCount&) const = default;
};
ServerCount servers_of(const GatewaySummary& summary);

/// What examine() saw, as members of an item: `findings`, `upstreams`, `last_minute`,
/// `overrides_active`, `draining`, `drift`.
void set_examined(Value& item, const Examined& seen);

}  // namespace orctl
