#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/value.h"
#include "sys/world.h"

namespace orctl {

/// How an instance is, in the gateway's words (GET /v1/summary).
struct GatewaySummary {
  struct Fault {
    std::string server, state, reason;  ///< state: "down", "ejected", or "failing" of one without checks
  };
  struct Upstream {
    std::string name;
    int64_t servers = 0;
    int64_t up = 0, down = 0;
    int64_t off = 0;            ///< get no requests because somebody wants it so
    bool uncounted = false;     ///< nginx balances it by itself: of its servers nothing is known
    std::vector<Fault> faults;  ///< some of those that are down
  };
  int64_t seconds = 0;  ///< what the counts below are of
  /// nullopt: nobody counts them.
  std::optional<int64_t> requests;
  int64_t errors = 0;  ///< how many of them were answered with a status from 500 to 599
  int64_t fallen = 0;  ///< workers that ended by a fault of their own, or were killed
  std::vector<Upstream> upstreams;
  std::map<int, int64_t> draining;  ///< by pid: for how many seconds a worker has taken no more connections
};

/// What such an answer says; Error(Exit::target) when it is none.
GatewaySummary gateway_summary_of(const Value& answer);

/// Asks the admin socket; errors as gateway_status(). nullopt when the gateway is older and has no such answer.
std::optional<GatewaySummary> gateway_summary(const World& world, const std::string& socket, Millis limit);

}  // namespace orctl
