#include "answer/status.h"

#include <fmt/format.h>

#include "answer/looked.h"
#include "live/live_tree.h"
#include "store/select.h"

namespace orctl {
namespace {

std::string remark(const Observed& o, const std::string& tree, const std::string& certificate) {
  if (o.broken) return o.broken->what();
  if (o.loss) return fmt::format("{}: {}", o.loss->what, o.loss->hint);
  if (const std::string fault = o.fault_of_masters(); !fault.empty()) return fault + "; " + mend_masters(o.name);
  if (o.unconfirmed) return o.unconfirmed->line();
  if (o.interrupted) return "an apply was interrupted: the next changing command finishes or undoes it";
  if (o.denied) return "no rights to ask it: run as root or as its owner";
  if (!o.live.answers) return fmt::format("{}; if it stays so: orctl restart {}", o.problem, o.name);
  if (!o.problem.empty()) return o.problem;
  if (!tree.empty()) return tree;
  if (!certificate.empty()) return certificate;
  if (o.live.keeper == Live::Keeper::none && o.live.running) return "it runs outside of its systemd unit";
  if (o.state() == "degraded") return "the workers disagree";
  if (o.pid == 0 && o.unit && o.unit->active == "failed") return "its unit failed: " + o.unit->result;
  if (o.pid == 0 && o.live.restarting) return fmt::format("systemd starts it again ({} times)", o.unit->restarts);
  if (o.pid != 0 && o.open_files < o.wanted_open_files)
    return fmt::format("it may have {} files open, and {} are wanted", o.open_files, o.wanted_open_files);
  if (o.status && !o.status->source_error.empty()) return "source: " + o.status->source_error;
  return {};
}

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

std::string remark_text(const Value& item, const std::string& field) {
  const Value* said = item.find(field);
  return said == nullptr ? "" : said->as_string();
}

}  // namespace

const Noun& status_noun() {
  static const Noun noun{"StatusList",
                         "instances",
                         "",
                         {{"NAME", "name", member_text},
                          {"STATUS", "status", member_text},
                          {"REVISION", "revision", member_text},
                          {"GENERATION", "gateway", generation_text},
                          {"WORKERS", "gateway", workers_text},
                          {"PID", "pid", pid_text},
                          {"REMARK", "remark", remark_text}}};
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

Value status_item(const Observed& now, const std::string& tree_fault, const std::string& certificate_fault,
                  const World& world) {
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
  if (const std::string said = remark(now, tree_fault, certificate_fault); !said.empty()) item.set("remark", said);
  return item;
}

StatusAnswer list_status(const Choice& choice, const World& world) {
  StatusAnswer out;
  const NginxMasters masters(world);
  const auto tell = [&](const Error& e) {
    out.answer.fault(e);
    out.is_well = false;
  };
  const auto names = select_instances(choice.names, choice.labels, world, tell);
  if (choice.names.empty()) tell_hidden_instances(world, tell);
  for (const std::string& name : names) {
    const Observed now = observe_among(name, world, masters);
    if (now.broken) tell(*now.broken);
    const std::string tree_fault = fault_of_tree(now, world);
    const std::string certificate_fault = warn_ending_certificates(out.answer, now, world);
    out.is_well = out.is_well && now.state() == "running" && tree_fault.empty() && certificate_fault.empty();
    out.answer.items.push_back(status_item(now, tree_fault, certificate_fault, world));
  }
  return out;
}

}  // namespace orctl
