#include "live/wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "gateway/gateway.h"
#include "host/supervisor.h"
#include "live/last_word.h"
#include "live/observe.h"
#include "model/address.h"

namespace orctl {
namespace {

constexpr Millis poll_interval(50), status_limit(2000);
constexpr Millis unremarkable(300);  // workers follow a change one after the other

std::string text_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

std::string missing_of_workers(const GatewayStatus& status) {
  if (status.settled()) return {};
  for (const WorkerReport& w : status.workers)
    if (!w.error.empty()) return fmt::format("worker {} keeps what it had: {}", w.pid, w.error);
  std::vector<std::string> late;
  for (const WorkerReport& w : status.workers)
    if (w.generation != status.generation || w.override_version != status.override_version)
      late.push_back(std::to_string(w.pid));
  return fmt::format("not every worker has followed to generation {} with its overrides{}", status.generation,
                     late.empty() ? "" : ": pid " + join(late, " "));
}

/// What one of two masters says is not the whole truth, and the requests of the other are not counted.
std::string missing_of_masters(const World& world, const std::string& instance) {
  const std::string fault = fault_of_masters(instance, world, NginxMasters(world));
  return fault.empty() ? "" : instance + ": " + fault;
}

GatewayStatus status_of(const World& world, const std::string& instance) {
  return gateway_status(world, world.layout.admin_socket(instance), status_limit);
}

/// Servers that get no requests are no matter of health.
std::string fault_of_server(const Value& server, bool checked) {
  const std::string state = text_of(server, "state"), health = text_of(server, "health");
  if (state == "drain" || state == "maint" || state == "removed") return {};
  if (health == "down" || state == "down" || state == "ejected") return "is " + (state == "up" ? health : state);
  return checked && health != "up" ? "has not been checked yet" : "";
}

}  // namespace

void wait_until(const Missing& missing, const World& world, Deadline deadline, Millis limit,
                const std::function<void(const std::string&)>& progress) {
  const Deadline quiet = Deadline::in(unremarkable);
  std::string told;
  LastWord word;
  for (;;) {
    try {
      const std::string found = missing();
      if (found.empty()) return;
      word.told(found);
    } catch (const Error& e) {
      if (e.exit() != Exit::unreachable && e.exit() != Exit::timeout) throw;
      word.silent(e.what());
    }
    const std::string now = word.text();
    if (now != told && quiet.passed()) {
      progress(now);
      told = now;
    }
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting: " + now);
    if (deadline.passed())
      throw Error(Exit::timeout, fmt::format("after {} s: {}", static_cast<double>(limit.count()) / 1000, now),
                  "wait longer with --timeout");
    world.clock.pause(std::min(poll_interval, std::max(Millis(1), deadline.left())));
  }
}

std::string missing_of_drained(const World& world, const ServerName& name) {
  if (std::string fault = missing_of_masters(world, name.instance); !fault.empty()) return fault;
  if (const std::string fault = missing_of_workers(status_of(world, name.instance)); !fault.empty())
    return name.str() + ": " + fault;
  const auto upstream = gateway_upstream(world, name.instance, name.upstream);
  require_changeable(name, upstream);
  if (upstream) {
    for (const Value& server : upstream->at("servers").items()) {
      if (canonical_address(text_of(server, "address")) != canonical_address(name.address)) continue;
      const std::string state = text_of(server, "state");
      if (state != "drain" && state != "maint" && state != "removed")
        return name.str() + " takes requests: it is neither drained nor in maintenance";
      const Value* in_flight = server.find("in_flight");
      const double n = in_flight != nullptr && in_flight->is_number() ? in_flight->as_double() : 0;
      if (n > 0) return fmt::format("{} has {} in flight", name.str(), count(static_cast<size_t>(whole(n)), "request"));
    }
  }
  return {};
}

std::string missing_of_followers(const World& world, const std::string& instance) {
  return missing_of_workers(status_of(world, instance));
}

std::string missing_of_healthy(const World& world, const std::string& instance) {
  const Observed now = observe_existing(instance, world);
  if (const std::string fault = now.fault_of_masters(); !fault.empty()) return instance + ": " + fault;
  if (now.state() != "running")
    return fmt::format("{} is {}{}", instance, now.state(), now.problem.empty() ? "" : ": " + now.problem);
  if (const std::string fault = missing_of_workers(*now.status); !fault.empty()) return instance + ": " + fault;
  std::set<std::string> checked;
  for (const Value& spec : now.version->spec.at("upstream").items())
    if (spec.find("health") != nullptr) checked.insert(spec.at("name").as_string());
  for (const Value& upstream : gateway_upstreams(world, instance)) {
    const std::string name = text_of(upstream, "name");
    if (is_uncounted(upstream)) continue;
    for (const Value& server : upstream.at("servers").items())
      if (const std::string fault = fault_of_server(server, checked.contains(name)); !fault.empty())
        return fmt::format("{}/{}/{} {}", instance, name, text_of(server, "address"), fault);
  }
  return {};
}

std::string missing_of_generation(const World& world, const std::string& instance, int64_t number) {
  if (std::string fault = missing_of_masters(world, instance); !fault.empty()) return fault;
  const GatewayStatus status = status_of(world, instance);
  if (status.generation < number)
    return fmt::format("{} is at generation {} of {}", instance, status.generation, number);
  const std::string fault = missing_of_workers(status);
  return fault.empty() ? "" : instance + ": " + fault;
}

}  // namespace orctl
