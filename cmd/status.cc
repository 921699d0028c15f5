#include <fmt/format.h>

#include "cli/command.h"
#include "host/supervisor.h"
#include "live/live_tree.h"
#include "live/observe.h"
#include "live/served_certificates.h"
#include "shared/among.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names, labels;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, or patterns such as 'prd_*'; none: all");
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
}

/// `tree`: what is wrong with its tree.
std::string remark(const Observed& o, const std::string& tree) {
  if (o.broken) return o.broken->what();
  if (o.loss) return fmt::format("{}: {}", o.loss->what, o.loss->hint);
  if (const std::string fault = o.fault_of_masters(); !fault.empty()) return fault + "; " + mend_masters(o.name);
  if (o.unconfirmed) return o.unconfirmed->line();
  if (o.interrupted) return "an apply was interrupted: the next changing command finishes or undoes it";
  if (o.denied) return "no rights to ask it: run as root or as its owner";
  if (!o.live.answers) return fmt::format("{}; if it stays so: orctl restart {}", o.problem, o.name);
  if (!o.problem.empty()) return o.problem;
  if (!tree.empty()) return tree;
  if (o.live.keeper == Live::Keeper::none && o.live.running) return "it runs outside of its systemd unit";
  if (o.state() == "degraded") return "the workers disagree";
  if (o.pid == 0 && o.unit && o.unit->active == "failed") return "its unit failed: " + o.unit->result;
  if (o.pid == 0 && o.live.restarting) return fmt::format("systemd starts it again ({} times)", o.unit->restarts);
  if (o.pid != 0 && o.open_files < o.wanted_open_files)
    return fmt::format("it may have {} files open, and {} are wanted", o.open_files, o.wanted_open_files);
  if (o.status && !o.status->source_error.empty()) return "source: " + o.status->source_error;
  return {};
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

Value pids_value(const std::vector<int>& pids) {
  Value out = Value::array();
  for (const int pid : pids) out.push(pid);
  return out;
}

Value open_files_value(const Observed& o) {
  Value out = Value::object();
  out.set("limit", o.open_files);
  out.set("wanted", o.wanted_open_files);
  return out;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("StatusList");
  Table table{{"NAME", "STATUS", "REVISION", "GENERATION", "WORKERS", "PID", "REMARK"}, {}, 0};
  bool well = true;
  const NginxMasters masters(world);
  const auto tell = [&](const Error& e) {
    io.error(e);
    well = false;
  };
  const auto names = select_instances(o.names, o.labels, world, tell);
  if (o.names.empty()) tell_hidden(world, tell);
  for (const std::string& name : names) {
    const Observed now = observe_among(name, world, masters);
    if (now.broken) tell(*now.broken);
    const std::string tree_fault = fault_of_tree(now, world), said = remark(now, tree_fault);
    well = well && now.state() == "running" && tree_fault.empty();
    Value item = Value::object();
    item.set("name", name);
    item.set("status", now.state());
    if (now.applied) item.set("revision", now.applied->number);
    item.set("pid", now.pid);
    if (now.has_two_masters()) item.set("masters", pids_value(now.masters));
    item.set("interrupted", now.interrupted);
    if (now.unit) item.set("unit", unit_value(*now.unit, world.layout.unit_name(name)));
    if (now.pid != 0) item.set("open_files", open_files_value(now));
    if (now.unconfirmed) item.set("confirm_seconds_left", now.unconfirmed->seconds_left());
    if (now.status) item.set("gateway", now.status->raw);
    if (!said.empty()) item.set("remark", said);
    io.item(std::move(item));
    for (const std::string& text : ending_certificates(now, world))
      io.warn(name + ": " + text, "put a new one into the manifest's files, and apply it: it is hot");
    const std::string workers =
        now.status ? fmt::format("{}/{}", now.status->workers.size(), now.status->worker_count) : "-";
    table.rows.push_back({name, now.state(), now.applied ? std::to_string(now.applied->number) : "-",
                          now.status ? std::to_string(now.status->generation) : "-", workers,
                          now.pid == 0 ? "-" : std::to_string(now.pid), said});
  }
  io.table(table, "instances");
  return well ? Exit::ok : Exit::no;
}

}  // namespace

Command status_command() {
  return command<Options>(
      {"status",
       "say whether instances run and every worker serves the same",
       {{"All instances of the host", "orctl status"},
        {"One, for a script: exit code 0 means it is well", "orctl status prd_payment_001_8080"}},
       "Exit code 1 when an instance is stopped, does not answer or may not be asked, has workers that disagree, that "
       "were stopped by a signal or whose master was killed, or two masters, has a tree that was changed by hand or "
       "that "
       "others could change, or is broken: its history or its files cannot be read.",
       {"table", "json"}},
      flags, run);
}

}  // namespace orctl
