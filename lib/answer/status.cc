#include "answer/status.h"

#include <fmt/format.h>

#include <algorithm>

#include "answer/looked.h"
#include "base/text.h"
#include "kind/kind.h"
#include "store/history.h"
#include "store/select.h"

namespace orctl {
namespace {

constexpr size_t most_upstreams = 3;  // that one line names

Value pids_value(const std::vector<int>& pids) {
  Value out = Value::array();
  for (const int pid : pids) out.push(pid);
  return out;
}

std::string generation_text(const Value& item, const std::string& field) {
  const Value* told = item.find(field);
  return told == nullptr ? "-" : std::to_string(gateway_status_of(*told).generation);
}

std::string workers_text(const Value& item, const std::string& field) {
  const Value* told = item.find(field);
  if (told == nullptr) return "-";
  const GatewayStatus status = gateway_status_of(*told);
  return fmt::format("{}/{}", status.workers.size(), status.worker_count);
}

/// "6/7 (pay 1/2)": how many servers of all upstreams are up, and of those upstreams where some are not.
std::string servers_text(const Value& item, const std::string& field) {
  const Value* upstreams = item.find(field);
  if (upstreams == nullptr || upstreams->items().empty()) return "-";
  std::vector<std::string> some;
  for (const Value& one : upstreams->items())
    if (const Value* up = one.find("up"); up != nullptr && *up != one.at("total"))
      some.push_back(fmt::format("{} {}/{}", one.at("name").as_string(), up->as_int(), one.at("total").as_int()));
  const Value& all = item.at("servers");
  const size_t more = some.size() - std::min(some.size(), most_upstreams);
  some.resize(some.size() - more);
  if (more > 0) some.push_back(fmt::format("{} more", more));
  return fmt::format("{}/{}{}", all.at("up").as_int(), all.at("total").as_int(),
                     some.empty() ? "" : " (" + join(some, ", ") + ")");
}

/// "none", or how store, disk and what runs differ.
std::string drift_text(const Value& item, const std::string& field) {
  const Value* drift = item.find(field);
  if (drift == nullptr) return "-";
  std::vector<std::string> states;
  for (const Value& one : drift->items())
    if (const std::string& state = one.at("state").as_string();
        std::find(states.begin(), states.end(), state) == states.end())
      states.push_back(state);
  return states.empty() ? "none" : join(states, ",");
}

/// Share of the requests of the last minute that were answered with an error.
std::string errors_text(const Value& item, const std::string& field) {
  const Value* minute = item.find(field);
  if (minute == nullptr) return "-";
  const Value* share = minute->find("error_share");
  if (share == nullptr) return "none";
  const double percent = share->as_double() * 100;
  return percent == 0 ? "0%" : percent < 0.1 ? "<0.1%" : fmt::format("{:.1f}%", percent);
}

}  // namespace

const Noun& status_noun() {
  static const Noun noun{"StatusList",
                         "instances",
                         "",
                         {{"NAME", "name", member_text},
                          {"STATUS", "status", member_text},
                          {"REVISION", "revision", member_text},
                          {"WORKERS", "gateway", workers_text},
                          {"SERVERS", "upstreams", servers_text},
                          {"ERRORS", "last_minute", errors_text},
                          {"DRIFT", "drift", drift_text},
                          {"REMARK", "remark", words_text},
                          {"GENERATION", "gateway", generation_text, Column::Shown::wide},
                          {"PID", "pid", pid_text, Column::Shown::wide}}};
  return noun;
}

Value unit_value(const systemd::UnitState& unit, const std::string& name) {
  Value out = Value::object();
  out.set("name", name);
  out.set("active", unit.active);
  out.set("sub", unit.sub);
  out.set("result", unit.result);
  out.set("enabled", unit.enabled == "enabled");
  out.set("main_pid", unit.main_pid);
  out.set("restarts", unit.restarts);
  return out;
}

Value open_files_value(const Observed& o) {
  Value out = Value::object();
  out.set("limit", o.open_files);
  out.set("wanted", o.wanted_open_files);
  return out;
}

Value status_item(const Examined& seen, const World& world) {
  const Observed& now = seen.now;
  Value item = Value::object();
  item.set("name", now.name);
  item.set("status", now.state());
  if (now.applied) item.set("revision", now.applied->number);
  item.set("pid", now.pid);
  if (now.has_two_masters()) item.set("masters", pids_value(now.masters));
  item.set("interrupted", now.interrupted);
  if (now.unit) item.set("unit", unit_value(*now.unit, world.layout.unit_name(now.name)));
  if (now.pid != 0) item.set("open_files", open_files_value(now));
  if (now.unconfirmed) item.set("confirm_seconds_left", now.unconfirmed->seconds_left());
  if (now.status) item.set("gateway", now.status->raw);
  set_examined(item, seen);
  if (const std::string said = line_of(seen.findings); !said.empty()) item.set("remark", said);
  return item;
}

namespace {

/// Objects of other kinds have no process: that their files are others is all that can be wrong with them.
void warn_drifted_objects(const World& world, StatusAnswer& out) {
  for (const Kind& kind : kinds())
    if (kind.lives == Kind::Lives::in_files)
      for (const std::string& id : present_objects(kind, world)) {
        const auto fault = fault_of_object(observe_among(id, world));
        if (!fault) continue;
        out.answer.warn(fault->what(), fault->hint());
        out.is_well = false;
      }
}

}  // namespace

StatusAnswer list_status(const Choice& choice, const World& world) {
  StatusAnswer out;
  const auto tell = [&](const Error& e) {
    out.answer.fault(e);
    out.is_well = false;
  };
  const auto names = select_instances(choice.names, choice.labels, world, tell);
  if (choice.names.empty()) tell_hidden_instances(world, tell);
  for (const Examined& seen : examine_all(names, world, tell)) {
    if (seen.now.broken) tell(*seen.now.broken);
    for (const Ending& ending : seen.endings) warn_ending(out.answer, seen.now.name, ending);
    out.is_well = out.is_well && is_well(seen.findings);
    out.answer.items.push_back(status_item(seen, world));
  }
  if (choice.names.empty() && choice.labels.empty()) warn_drifted_objects(world, out);
  return out;
}

}  // namespace orctl
