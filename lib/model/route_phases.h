#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/schema.h"
#include "model/value.h"

namespace orctl {

/// What the policies of an instance's routes need of nginx.conf besides the balancer phase.
struct RoutePhases {
  std::set<Phase> phases;  ///< in their order; empty when no route has a policy that needs one
  int64_t body_limit = 0;  ///< bytes of a body on a route without a limit of its own; 0 is none
  int64_t body_cap = 0;    ///< the largest limit of all, which is nginx's own; 0 is none
  bool any() const { return !phases.empty(); }
  bool operator==(const RoutePhases&) const = default;
};

/// Decided by the marks of the schema (x-phase) at the fields that the routes of `spec` have.
RoutePhases route_phases(const Value& spec);

/// Whether workers that run with `have` can serve a document whose routes need `want`.
bool can_serve(const RoutePhases& have, const RoutePhases& want);

/// The fields of a route that are policies, in the order in which they act.
std::vector<std::string> policy_fields();

/// For the gateway: the policies of routes in the order in which they act, each with the phases that it needs.
Value policy_list();

}  // namespace orctl
