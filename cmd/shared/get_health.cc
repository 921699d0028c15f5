#include "shared/get_health.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "gateway/gateway.h"
#include "shared/warn_masters.h"
#include "store/select.h"

namespace orctl {
namespace {

/// The names of `orctl get health`, INST or INST/UP, as upstreams by pattern of instances; "" is every upstream.
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

/// Why a server is in its state: the reason, or the error of the last probe that failed.
std::string health_error(const Value& item) {
  if (const Value* reason = item.find("reason")) return reason->as_string();
  const auto& history = item.at("history").items();
  for (size_t i = history.size(); i-- > 0;)
    if (const Value* error = history[i].find("error")) return error->as_string();
  return "-";
}

}  // namespace

std::string checks_cell(const Value& item) {
  std::vector<std::string> all;
  for (const Value& check : item.at("checks").items())
    all.push_back(check.at("name").as_string() + (check.at("ok").as_bool() ? " ok" : " failed"));
  return all.empty() ? "-" : join(all, ", ");
}

Value::Array health_items(const Observed& o, const World& world) {
  if (!o.status) return {};
  return gateway_list(world, world.layout.admin_socket(o.name), ListOf::health);
}

void get_health(const std::vector<std::string>& wanted, const std::vector<std::string>& labels, const World& world,
                Among& among, Io& io) {
  const HealthNames names = health_names(wanted);
  std::vector<std::string> patterns;
  for (const auto& [pattern, upstream] : names) patterns.push_back(pattern);
  io.kind("HealthList");
  Table table{{"UPSTREAM", "SERVER", "STATE", "SINCE", "CHECKS", "LAST ERROR"}, {}, 0};
  const auto add = [&](const std::string& instance, const Value& found) {
    const std::string& upstream = found.at("upstream").as_string();
    if (!is_named(names, instance, upstream)) return;
    Value item = Value::object();
    item.set("instance", instance);
    for (const auto& m : found.members()) item.set(m.key, m.value);
    const Value* since = found.find("since");
    table.rows.push_back({instance + "/" + upstream, found.at("server").as_string(), found.at("state").as_string(),
                          since == nullptr ? "-" : since->as_string(), checks_cell(found), health_error(found)});
    io.item(std::move(item));
  };
  const auto instances = select_instances(patterns, labels, world, among.unread());
  warn_masters(io, instances, world);
  for (const std::string& instance : instances)
    among.each([&] {
      const Observed now = observe_among(instance, world);
      for (const Value& found : health_items(now, world)) add(instance, found);
      if (now.broken) throw Error(*now.broken);
      if (const auto silence = silence_of(now)) throw Error(*silence);
    });
  io.table(table, "health", "health");
}

}  // namespace orctl
