#include "model/route_phases.h"

#include <algorithm>
#include <string>
#include <vector>

#include "model/route.h"

namespace orctl {
namespace {

/// A policy of routes as the schema has it.
struct RoutePolicy {
  std::string field;
  const std::set<Phase>* phases;
};

const std::vector<RoutePolicy>& policies() {
  static const std::vector<RoutePolicy> all = [] {
    const Schema::Node& route = *Schema::get("instance").find("route")->items;
    std::vector<RoutePolicy> out;
    for (const std::string& field : route.policies) out.push_back({field, &route.property(field)->phases});
    return out;
  }();
  return all;
}

/// Whether a field says more than its absence: not when it is false, or empty all through.
bool says_something(const Value& field) {
  const auto holds = [](const Value& v) { return (!v.is_object() && !v.is_array()) || says_something(v); };
  if (field.is_object())
    return std::any_of(field.members().begin(), field.members().end(), [&](const auto& m) { return holds(m.value); });
  if (field.is_array()) return std::any_of(field.items().begin(), field.items().end(), holds);
  return !(field == Value(false));
}

void add_phases(const Value& route, std::set<Phase>& phases) {
  for (const RoutePolicy& policy : policies())
    if (const Value* field = route.find(policy.field); field != nullptr && says_something(*field))
      phases.insert(policy.phases->begin(), policy.phases->end());
}

}  // namespace

RoutePhases route_phases(const Value& spec) {
  RoutePhases out;
  out.body_cap = out.body_limit = size_bytes(spec.at("nginx").at("client_max_body_size").as_string());
  for (const Value& route : spec.at("route").items()) {
    add_phases(route, out.phases);
    const Value* size = route.find("client_max_body_size");
    if (size == nullptr) continue;
    const int64_t bytes = size_bytes(size->as_string());
    out.body_cap = bytes == 0 || out.body_cap == 0 ? 0 : std::max(out.body_cap, bytes);
  }
  out.phases.erase(Phase::balancer);  // every instance has it
  // The route is found in the rewrite phase as soon as there is another than the balancer's; edits of answers come
  // along, so that the first one needs no second reload.
  if (out.any()) out.phases.insert({Phase::rewrite, Phase::header_filter});
  return out;
}

bool can_serve(const RoutePhases& have, const RoutePhases& want) {
  if (!want.any()) return true;
  return std::includes(have.phases.begin(), have.phases.end(), want.phases.begin(), want.phases.end()) &&
         (have.body_cap == 0 || (want.body_cap != 0 && want.body_cap <= have.body_cap));
}

std::vector<std::string> policy_fields() {
  std::vector<std::string> out;
  for (const RoutePolicy& policy : policies()) out.push_back(policy.field);
  return out;
}

Value policy_list() {
  Value out = Value::array();
  for (const RoutePolicy& policy : policies()) {
    Value one = Value::object(), phases = Value::array();
    for (const Phase phase : *policy.phases) phases.push(to_string(phase));
    one.set("name", policy.field);
    one.set("phases", std::move(phases));
    out.push(std::move(one));
  }
  return out;
}

}  // namespace orctl
