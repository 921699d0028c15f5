#include "answer/upstreams.h"

#include <fmt/format.h>

#include "answer/looked.h"
#include "answer/overrides.h"
#include "base/text.h"
#include "gateway/overrides.h"

namespace orctl {
namespace {

constexpr const char* not_known = "unknown";  // state of a server that no gateway tells

std::string name_text(const Value& item, const std::string& field) {
  return member_text(item, "instance") + "/" + member_text(item, field);
}

/// How many servers `is_meant` of; "-" when nothing is known of any.
template <class Meant>
std::string servers_that(const Value& item, Meant is_meant) {
  size_t known = 0, meant = 0;
  const Value::Array& servers = item.at("server").items();
  for (const Value& server : servers) {
    const std::string state = member_text(server, "state");  // of those that nginx balances by itself there is none
    known += state == not_known || state == "-" ? 0 : 1;
    meant += is_meant(server) ? 1 : 0;
  }
  return known == 0 && !servers.empty() ? "-" : std::to_string(meant);
}

std::string up_text(const Value& item, const std::string&) {
  return servers_that(item, [](const Value& server) { return member_text(server, "state") == "up"; });
}

std::string overrides_text(const Value& item, const std::string&) {
  return servers_that(item, [](const Value& server) { return server.find("override") != nullptr; });
}

/// The sum of a counter over the servers; "-" when none tells it.
std::string sum_text(const Value& item, const std::string& field) {
  double total = 0;
  bool told = false;
  for (const Value& server : item.at("server").items())
    if (const Value* v = server.find(field); v != nullptr && v->is_number()) total += v->as_double(), told = true;
  return told ? std::to_string(whole(total)) : "-";
}

/// The weight that counts, and the manifest's when that is another one.
std::string weight_text(const Value& item, const std::string& field) {
  const std::string own = member_text(item, field);
  const Value* now = item.find("effective_weight");
  if (now == nullptr || !now->is_number()) return own;
  const std::string effective = fmt::format("{:g}", now->as_double());
  return effective == own || own == "-" ? effective : effective + " (" + own + ")";
}

std::string override_cell(const Value& item, const std::string& field) {
  const Value* override = item.find(field);
  if (override == nullptr || !override->is_object()) return "-";
  const std::string left = left_text(*override);
  return override_text(*override) + (left.empty() ? "" : " (" + left + ")");
}

/// What the manifest alone says, where no gateway does.
Value::Array upstreams_of_manifest(const Observed& o) {
  Value::Array out;
  for (const Value& u : o.version->spec.at("upstream").items()) {
    Value servers = Value::array();
    for (Value s : u.at("server").items()) {
      s.set("state", not_known);
      servers.push(std::move(s));
    }
    out.push_back(
        Value(Value::Object{{"name", u.at("name")}, {"balance", u.at("balance")}, {"servers", std::move(servers)}}));
  }
  return out;
}

}  // namespace

const Noun& upstreams_noun() {
  static const Noun noun{"UpstreamList",
                         "upstreams",
                         "",
                         {{"NAME", "name", name_text},
                          {"BALANCE", "balance", member_text},
                          {"SERVERS", "server", count_text},
                          {"UP", "server", up_text},
                          {"IN-FLIGHT", "in_flight", sum_text},
                          {"REQUESTS", "requests", sum_text},
                          {"FAILURES", "failures", sum_text},
                          {"OVERRIDES", "server", overrides_text}}};
  return noun;
}

const Noun& servers_noun() {
  static const Noun noun{"ServerList",
                         "servers",
                         "",
                         {{"NAME", "address", server_text},
                          {"STATE", "state", member_text},
                          {"HEALTH", "health", member_text},
                          {"WEIGHT", "weight", weight_text},
                          {"IN-FLIGHT", "in_flight", member_text},
                          {"REQUESTS", "requests", member_text},
                          {"FAILURES", "failures", member_text},
                          {"OVERRIDE", "override", override_cell},
                          {"BACKUP", "backup", member_text, Column::Shown::wide}}};
  return noun;
}

Value::Array upstream_items(const std::string& instance, const Value::Array& told) {
  Value::Array out;
  for (const Value& upstream : told) {
    Value item(Value::Object{{"instance", instance}});
    for (const auto& m : upstream.members())
      if (m.key == "servers")
        item.set("server", m.value);
      else if (m.key != "instance" && m.key != "server")
        item.set(m.key, m.value);
    out.push_back(std::move(item));
  }
  return out;
}

Value::Array server_items(const Value::Array& upstreams) {
  Value::Array out;
  for (const Value& upstream : upstreams)
    for (const Value& server : upstream.at("server").items())
      out.push_back(owned(
          Value(Value::Object{{"instance", upstream.at("instance")}, {"upstream", upstream.at("name")}}), server));
  return out;
}

Answer list_upstreams(const Choice& choice, const World& world) {
  Answer said;
  Answer answer = list_of_gateways(choice, world, [&](const Observed& o) {
    const Value::Array told = o.status ? gateway_upstreams(world, o.name) : upstreams_of_manifest(o);
    warn_uncounted(said, o.name, told);
    return upstream_items(o.name, told);
  });
  std::move(said.remarks.begin(), said.remarks.end(), std::back_inserter(answer.remarks));
  return answer;
}

Answer list_servers(const Choice& choice, const World& world) {
  Answer answer = list_upstreams(choice, world);
  answer.items = server_items(answer.items);
  return answer;
}

}  // namespace orctl
