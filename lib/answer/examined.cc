#include "answer/examined.h"

#include <optional>

#include "base/parallel.h"
#include "base/text.h"
#include "kind/column.h"
#include "live/live_tree.h"

namespace orctl {
namespace {

constexpr size_t most_at_once = 32;
constexpr Millis turn(50), patience(500);  // workers follow a change one after the other

/// What an older gateway tells of its servers, as a summary.
GatewaySummary summary_of_list(const Value::Array& upstreams) {
  GatewaySummary out;
  for (const Value& upstream : upstreams) {
    GatewaySummary::Upstream one;
    one.name = upstream.at("name").as_string();
    for (const Value& server : upstream.at("servers").items()) {
      const std::string state = member_text(server, "state");
      const bool down = state == "down" || state == "ejected";
      ++one.servers;
      ++(state == "up" ? one.up : down ? one.down : one.off);
      one.uncounted = one.uncounted || state == "-";
      if (down) one.faults.push_back({server.at("address").as_string(), state, state});
    }
    out.upstreams.push_back(std::move(one));
  }
  return out;
}

/// Workers that take a change up a moment later than others are not behind.
void await_workers(Examined& seen, const World& world) {
  for (const Deadline end = Deadline::in(patience);;) {
    if (!seen.now.status || seen.now.status->settled() || end.passed()) return;
    world.clock.pause(turn);
    stop_if_interrupted();
    GatewayStatus status = gateway_status(world, world.layout.admin_socket(seen.now.name), examine_limit);
    seen.now.live.digest = status.common_digest();
    seen.now.live.tree = status.common_tree();
    seen.now.live.certs = status.common_certs();
    seen.now.status = std::move(status);
  }
}

void ask_gateway(Examined& seen, const World& world) {
  const std::string socket = world.layout.admin_socket(seen.now.name);
  await_workers(seen, world);
  seen.summary = gateway_summary(world, socket, examine_limit);
  seen.older_gateway = !seen.summary;
  if (seen.older_gateway) {
    seen.summary = summary_of_list(gateway_list(world, socket, ListOf::upstreams, examine_limit));
  }
  const Value* count = seen.now.status->raw.find("overrides");
  if (count == nullptr || *count != Value(0))
    seen.overrides = gateway_list(world, socket, ListOf::overrides, examine_limit);
  // one that was started by an older orctl has no such path, and no certificates either
  if (seen.now.live.certs.empty() && seen.now.version->spec.at("certificate").items().empty()) return;
  for (const Value& one : gateway_list(world, socket, ListOf::certificates, examine_limit))
    if (auto ending = ending_of(one)) seen.endings.push_back(std::move(*ending));
}

void look_at_workers(Examined& seen, const World& world, const NginxMasters& all) {
  for (const int pid : all.children(seen.now.pid))
    if (world.proc.command_line(pid).find("worker process is shutting down") != std::string::npos &&
        world.proc.alive(pid)) {
      Draining one{pid, std::nullopt};
      if (seen.summary)
        if (const auto known = seen.summary->draining.find(pid); known != seen.summary->draining.end())
          one.seconds = known->second;
      seen.draining.push_back(one);
    }
}

Value upstream_value(const GatewaySummary::Upstream& upstream) {
  Value out = Value::object();
  out.set("name", upstream.name);
  out.set("total", upstream.servers);
  if (upstream.uncounted) return out;
  out.set("up", upstream.up);
  out.set("down", upstream.down);
  out.set("off", upstream.off);
  Value faults = Value::array();
  for (const GatewaySummary::Fault& one : upstream.faults)
    faults.push(Value(Value::Object{{"address", one.server}, {"state", one.state}, {"reason", one.reason}}));
  out.set("faults", std::move(faults));
  return out;
}

void set_summary(Value& item, const GatewaySummary& summary) {
  const ServerCount servers = servers_of(summary);
  item.set("servers", Value(Value::Object{{"up", servers.up}, {"total", servers.total}}));
  Value upstreams = Value::array();
  for (const GatewaySummary::Upstream& one : summary.upstreams) upstreams.push(upstream_value(one));
  item.set("upstreams", std::move(upstreams));
  if (!summary.requests) return;
  Value minute = Value::object();
  minute.set("seconds", summary.seconds);
  minute.set("requests", *summary.requests);
  minute.set("errors", summary.errors);
  if (*summary.requests > 0)
    minute.set("error_share", static_cast<double>(summary.errors) / static_cast<double>(*summary.requests));
  minute.set("fallen_workers", summary.fallen);
  item.set("last_minute", std::move(minute));
}

/// How many there are, and when the next of them ends.
Value overrides_value(const Value::Array& overrides) {
  Value out = Value::object();
  out.set("count", overrides.size());
  std::optional<int64_t> next;
  for (const Value& one : overrides)
    if (const Value* left = one.find("expires_in"); left != nullptr && left->is_number()) {
      const int64_t seconds = whole(left->as_double());
      if (!next || seconds < *next) next = seconds;
    }
  if (next) out.set("next_end_seconds", *next);
  return out;
}

}  // namespace

Examined examine(const std::string& name, const World& world, const NginxMasters& all) {
  Examined seen;
  seen.now = observe_among(name, world, all);
  seen.changing = world.fs.is_locked(world.layout.lock(name));
  if (!seen.now.broken) seen.tree = fault_of_tree(seen.now, world);
  if (seen.now.status && !seen.now.broken) try {
      ask_gateway(seen, world);
    } catch (const Error& e) {
      stop_if_interrupted();
      seen.not_told.push_back(e);
    }
  if (seen.now.pid != 0) look_at_workers(seen, world, all);
  try {
    seen.drift = find_drift(seen.now, world);
  } catch (const Error& e) {
    stop_if_interrupted();
    seen.not_told.push_back(e);
  }
  seen.findings = findings_of(seen);
  return seen;
}

std::vector<Examined> examine_all(const std::vector<std::string>& names, const World& world,
                                  const std::function<void(const Error&)>& fault) {
  const NginxMasters masters(world);
  std::vector<std::optional<Examined>> found(names.size());
  std::vector<std::optional<Error>> faults(names.size());
  at_once(names.size(), most_at_once, [&](size_t i) {
    try {
      found[i] = examine(names[i], world, masters);
    } catch (const Error& e) {
      stop_if_interrupted();
      faults[i] = e;
    }
  });
  std::vector<Examined> out;
  for (size_t i = 0; i < names.size(); ++i)
    if (faults[i])
      fault(*faults[i]);
    else
      out.push_back(std::move(*found[i]));
  return out;
}

ServerCount servers_of(const GatewaySummary& summary) {
  ServerCount out;
  for (const GatewaySummary::Upstream& one : summary.upstreams)
    if (!one.uncounted) {
      out.up += one.up;
      out.total += one.servers;
    }
  return out;
}

void set_examined(Value& item, const Examined& seen) {
  if (seen.summary) set_summary(item, *seen.summary);
  if (seen.now.status && seen.not_told.empty()) item.set("overrides_active", overrides_value(seen.overrides));
  Value draining = Value::array();
  for (const Draining& one : seen.draining) {
    Value worker(Value::Object{{"pid", one.pid}});
    if (one.seconds) worker.set("seconds", *one.seconds);
    draining.push(std::move(worker));
  }
  if (seen.now.pid != 0) item.set("draining", std::move(draining));
  Value drift = Value::array();
  for (const Drift& one : seen.drift)
    drift.push(Value(Value::Object{{"state", to_string(one.state)},
                                   {"ahead", to_string(one.ahead)},
                                   {"subject", one.subject},
                                   {"text", one.text},
                                   {"mend", one.mend}}));
  if (!seen.now.broken) item.set("drift", std::move(drift));
  set_findings(item, seen.findings);
}

}  // namespace orctl
