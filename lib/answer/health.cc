#include "answer/health.h"

#include <algorithm>
#include <map>

#include "answer/looked.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "gateway/overrides.h"
#include "model/listener.h"
#include "model/server_path.h"
#include "store/select.h"

namespace orctl {
namespace {

/// Upstreams by pattern of instances; "" is every upstream.
using HealthNames = std::multimap<std::string, std::string>;

HealthNames health_names(const std::vector<std::string>& names) {
  HealthNames out;
  for (const std::string& name : names) {
    const size_t slash = name.find('/');
    if (slash != std::string::npos && (slash + 1 == name.size() || name.find('/', slash + 1) != std::string::npos))
      throw Error(Exit::usage, "'" + name + "' is neither an instance nor INST/UP",
                  "for example: orctl get health prd_payment_001_8080/payment");
    out.emplace(name.substr(0, slash), slash == std::string::npos ? "" : name.substr(slash + 1));
  }
  return out;
}

/// Whether an upstream of an instance is among the names.
bool is_named(const HealthNames& names, const std::string& instance, const std::string& upstream) {
  if (names.empty()) return true;
  for (const auto& [pattern, wanted] : names)
    if (glob_match(pattern, instance) && (wanted.empty() || glob_match(wanted, upstream))) return true;
  return false;
}

/// An upstream that was named, and that the instance does not have, is no empty answer.
void require_upstreams(const HealthNames& names, const std::string& instance, const Observed& now, const World& world) {
  for (const auto& [name, wanted] : names)
    if (name == instance && !wanted.empty() && !is_pattern(wanted) && now.status &&
        !gateway_upstream(world, instance, wanted))
      throw Error(Exit::absent, instance + " has no upstream '" + wanted + "'", "orctl get upstreams " + instance);
}

std::string upstream_text(const Value& item, const std::string& field) {
  return member_text(item, "instance") + "/" + member_text(item, field);
}

bool any_stream(const Version& version) {
  const Value::Array& listeners = version.spec.at("listener").items();
  return std::any_of(listeners.begin(), listeners.end(), is_stream);
}

/// Why a server is in its state: the reason, or the error of the last probe that failed.
std::string error_text(const Value& item, const std::string& field) {
  if (const Value* reason = item.find(field)) return reason->as_string();
  const auto& history = item.at("history").items();
  for (size_t i = history.size(); i-- > 0;)
    if (const Value* error = history[i].find("error")) return error->as_string();
  return "-";
}

}  // namespace

const Noun& health_noun() {
  static const Noun noun{"HealthList",
                         "health",
                         "",
                         {{"UPSTREAM", "upstream", upstream_text},
                          {"SERVER", "address", member_text},
                          {"STATE", "state", member_text},
                          {"SINCE", "since", member_text},
                          {"CHECKS", "checks", checks_text},
                          {"LAST ERROR", "reason", error_text}}};
  return noun;
}

Value::Array told_health(const Observed& o, const World& world) {
  if (!o.status) return {};
  return gateway_list(world, world.layout.admin_socket(o.name), ListOf::health);
}

Value health_item(const std::string& instance, const Value& told) { return of_server(instance, told); }

std::string checks_text(const Value& item, const std::string& field) {
  std::vector<std::string> all;
  for (const Value& check : item.at(field).items())
    all.push_back(check.at("name").as_string() + (check.at("ok").as_bool() ? " ok" : " failed"));
  return all.empty() ? "-" : join(all, ", ");
}

Answer list_health(const Choice& choice, const World& world) {
  const HealthNames names = health_names(choice.names);
  std::vector<std::string> patterns;
  for (const auto& [pattern, upstream] : names) patterns.push_back(pattern);
  Answer answer;
  const auto instances = select_instances(patterns, choice.labels, world, answer.faults());
  warn_masters(answer, instances, world);
  for (const std::string& instance : instances)
    answer.each([&] {
      const Observed now = observe_among(instance, world);
      require_upstreams(names, instance, now, world);
      for (const Value& told : told_health(now, world))
        if (is_named(names, instance, told.at("upstream").as_string()))
          answer.items.push_back(health_item(instance, told));
      if (now.status && now.version && any_stream(*now.version))
        warn_uncounted(answer, instance, gateway_upstreams(world, instance));
      if (now.broken) throw Error(*now.broken);
      if (const auto silence = silence_of_gateway(now)) throw Error(*silence);
    });
  return answer;
}

}  // namespace orctl
