#include "cli/show_gateway.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace orctl {
namespace {

std::string cell(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v == nullptr || v->is_null() ? "-" : v->is_string() ? v->as_string() : to_json(*v);
}

/// The sum of a counter over an upstream's servers; "-" when none tells it.
std::string sum(const Value& upstream, const char* key) {
  double total = 0;
  bool told = false;
  for (const Value& server : upstream.at("servers").items())
    if (const Value* v = server.find(key); v != nullptr && v->is_number()) total += v->as_double(), told = true;
  return told ? std::to_string(whole(total)) : "-";
}

/// The weight that counts, and the manifest's when that is another one.
std::string weight_text(const Value& server) {
  const std::string own = cell(server, "weight");
  const Value* now = server.find("effective_weight");
  if (now == nullptr || !now->is_number()) return own;
  const std::string effective = fmt::format("{:g}", now->as_double());
  return effective == own || own == "-" ? effective : effective + " (" + own + ")";
}

/// `object` with `instance` as its first member.
Value item_of(const std::string& instance, const Value& object) {
  Value item = Value::object();
  item.set("instance", instance);
  for (const auto& m : object.members()) item.set(m.key, m.value);
  return item;
}

template <class Each>
void each(const std::vector<GatewayList>& all, Each show) {
  for (const GatewayList& one : all)
    for (const Value& item : one.items) show(one, item);
}

}  // namespace

std::string span_text(double seconds) {
  const int64_t s = whole(std::ceil(std::max(0.0, std::min(seconds, 1e15))));
  const auto two = [](int64_t large, const char* a, int64_t small, const char* b) {
    return small == 0 ? fmt::format("{}{}", large, a) : fmt::format("{}{}{}{}", large, a, small, b);
  };
  if (s < 60) return fmt::format("{}s", s);
  if (s < 600) return two(s / 60, "m", s % 60, "s");
  const int64_t minutes = (s + 59) / 60;
  return minutes < 60 ? fmt::format("{}m", minutes) : two(minutes / 60, "h", minutes % 60, "m");
}

std::string override_text(const Value& override) {
  std::vector<std::string> parts;
  for (const char* flag : {"added", "removed"})
    if (cell(override, flag) == "true") parts.emplace_back(flag);
  if (override.find("state") != nullptr) parts.push_back(cell(override, "state"));
  if (override.find("weight") != nullptr) parts.push_back("weight " + cell(override, "weight"));
  return parts.empty() ? "-" : join(parts, ", ");
}

std::string left_text(const Value& override) {
  const Value* left = override.find("expires_in");
  return left == nullptr || !left->is_number() ? "" : span_text(left->as_double()) + " left";
}

std::string override_line(const Value& override) {
  std::string line = override_text(override) + " by " + cell(override, "by");
  if (const std::string left = left_text(override); !left.empty()) line += ", " + left;
  if (override.find("reason") != nullptr) line += ": " + cell(override, "reason");
  return line;
}

void show_upstreams(Io& io, const std::vector<GatewayList>& all) {
  io.kind("UpstreamList");
  Table table{{"NAME", "BALANCE", "SERVERS", "UP", "IN-FLIGHT", "REQUESTS", "FAILURES", "OVERRIDES"}, {}, 0};
  each(all, [&](const GatewayList& one, const Value& upstream) {
    size_t up = 0, overrides = 0;
    for (const Value& server : upstream.at("servers").items()) {
      up += cell(server, "state") == "up" ? 1 : 0;
      overrides += server.find("override") != nullptr ? 1 : 0;
    }
    io.item(item_of(one.instance, upstream));
    table.rows.push_back({one.instance + "/" + cell(upstream, "name"), cell(upstream, "balance"),
                          std::to_string(upstream.at("servers").items().size()), one.running ? std::to_string(up) : "-",
                          sum(upstream, "in_flight"), sum(upstream, "requests"), sum(upstream, "failures"),
                          one.running ? std::to_string(overrides) : "-"});
  });
  io.table(table, "upstreams", "upstream");
}

void show_servers(Io& io, const std::vector<GatewayList>& all) {
  io.kind("ServerList");
  Table table{{"NAME", "STATE", "HEALTH", "WEIGHT", "IN-FLIGHT", "REQUESTS", "FAILURES", "OVERRIDE", "BACKUP"}, {}, 1};
  each(all, [&](const GatewayList& one, const Value& upstream) {
    for (const Value& server : upstream.at("servers").items()) {
      Value item = Value::object();
      item.set("instance", one.instance);
      item.set("upstream", upstream.at("name"));
      for (const auto& m : server.members()) item.set(m.key, m.value);
      io.item(std::move(item));
      const Value* override = server.find("override");
      std::string text = "-";
      if (override != nullptr && override->is_object()) {
        const std::string left = left_text(*override);
        text = override_text(*override) + (left.empty() ? "" : " (" + left + ")");
      }
      table.rows.push_back({one.instance + "/" + cell(upstream, "name") + "/" + cell(server, "address"),
                            cell(server, "state"), cell(server, "health"), weight_text(server),
                            cell(server, "in_flight"), cell(server, "requests"), cell(server, "failures"), text,
                            cell(server, "backup")});
    }
  });
  io.table(table, "servers", "server");
}

void show_overrides(Io& io, const std::vector<GatewayList>& all) {
  io.kind("OverrideList");
  Table table{{"NAME", "OVERRIDE", "BY", "SINCE", "LEFT", "REASON"}, {}, 0};
  each(all, [&](const GatewayList& one, const Value& override) {
    io.item(item_of(one.instance, override));
    const Value* left = override.find("expires_in");
    table.rows.push_back({one.instance + "/" + cell(override, "upstream") + "/" + cell(override, "server"),
                          override_text(override), cell(override, "by"), cell(override, "since"),
                          left == nullptr || !left->is_number() ? "-" : span_text(left->as_double()),
                          cell(override, "reason")});
  });
  io.table(table, "overrides", "override");
}

void show_certificates(Io& io, const std::vector<GatewayList>& all) {
  io.kind("CertificateList");
  Table table{{"NAME", "HOSTS", "NOT AFTER", "DAYS"}, {}, 0};
  each(all, [&](const GatewayList& one, const Value& certificate) {
    io.item(item_of(one.instance, certificate));
    std::vector<std::string> hosts;
    if (const Value* list = certificate.find("hosts"))
      for (const Value& host : list->items()) hosts.push_back(host.as_string());
    table.rows.push_back({one.instance + "/" + cell(certificate, "name"), hosts.empty() ? "-" : join(hosts, ","),
                          cell(certificate, "not_after"), cell(certificate, "days")});
  });
  io.table(table, "certificates", "certificate");
}

}  // namespace orctl
