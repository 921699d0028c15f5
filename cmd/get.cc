#include <fmt/format.h>

#include "among.h"
#include "base/text.h"
#include "base/whose.h"
#include "cli/command.h"
#include "cli/show_gateway.h"
#include "gateway/overrides.h"
#include "get_health.h"
#include "host/supervisor.h"
#include "live/observe.h"
#include "live/served_certificates.h"
#include "model/masked.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::string what;
  std::vector<std::string> names, labels;
};

void flags(Flags& f, Options& o) {
  f.positional("WHAT", o.what, "instances, upstreams, servers, health, overrides, versions or certs")
      .choices({"instances", "upstreams", "servers", "health", "overrides", "versions", "certs"})
      .required();
  f.positional("INST", o.names, "instances, or patterns such as 'prd_*'; none: all; of health also INST/UP");
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
}

std::string labels_text(const Value& spec) {
  std::vector<std::string> all;
  if (const Value* labels = spec.find("labels"))
    for (const auto& m : labels->members()) all.push_back(m.key + "=" + m.value.as_string());
  return all.empty() ? "<none>" : join(all, ",");
}

std::string addresses(const Value& spec) {
  std::vector<std::string> all;
  for (const Value& l : spec.at("listener").items())
    all.push_back(fmt::format("{}:{}", l.at("address").as_string(), l.at("port").as_int()));
  return join(all, ",");
}

/// Of an instance whose spec or revision is not known.
void show_broken(const Observed& o, Table& table, Io& io) {
  Value item = Value::object();
  item.set("name", o.name);
  item.set("status", o.state());
  item.set("remark", o.broken->what());
  item.set("pid", o.pid);
  io.item(std::move(item));
  table.rows.push_back({o.name, o.state(), o.applied ? std::to_string(o.applied->number) : "-", "-", "-", "-", "-",
                        o.pid == 0 ? "-" : std::to_string(o.pid), "-"});
}

void instances(const std::vector<Observed>& all, Io& io) {
  io.kind("InstanceList");
  Table table{{"NAME", "STATUS", "REVISION", "UPSTREAMS", "ROUTES", "CONFIRM", "ADDRESS", "PID", "LABELS"}, {}, 3};
  for (const Observed& o : all) {
    if (o.broken && (!o.version || !o.applied)) {
      show_broken(o, table, io);
      continue;
    }
    Value item = masked_spec(o.version->spec);
    item.set("status", o.state());
    if (o.broken) item.set("remark", o.broken->what());
    item.set("revision", o.applied->number);
    item.set("pid", o.pid);
    if (o.unconfirmed) item.set("confirm_seconds_left", o.unconfirmed->seconds_left());
    io.item(std::move(item));
    const Value& spec = o.version->spec;
    table.rows.push_back(
        {o.name, o.state(), std::to_string(o.applied->number), std::to_string(spec.at("upstream").items().size()),
         std::to_string(spec.at("route").items().size()), o.unconfirmed ? o.unconfirmed->left_text() : "-",
         addresses(spec), o.pid == 0 ? "-" : std::to_string(o.pid), labels_text(spec)});
  }
  io.table(table, "instances", "instance");
}

/// What the running gateway says of its upstreams; the manifest's where it does not run, or does not answer.
GatewayList upstreams_of(const Observed& o, const World& world) {
  if (o.status) return {o.name, gateway_upstreams(world, o.name)};
  GatewayList out{o.name, {}, false};
  for (const Value& u : o.version->spec.at("upstream").items()) {
    Value item = Value::object();
    item.set("name", u.at("name"));
    item.set("balance", u.at("balance"));
    Value servers = Value::array();
    for (Value s : u.at("server").items()) {
      s.set("state", "unknown");
      servers.push(std::move(s));
    }
    item.set("servers", std::move(servers));
    out.items.push_back(std::move(item));
  }
  return out;
}

/// Overrides live in the running gateway only.
GatewayList overrides_of(const Observed& o, const World& world) {
  return {o.name, o.status ? gateway_overrides(world, o.name) : Value::Array{}};
}

GatewayList certs_of(const Observed& o, const World& world) { return {o.name, certificates_of(o, world)}; }

std::vector<GatewayList> ask(GatewayList (*list)(const Observed&, const World&), const std::vector<Observed>& all,
                             const World& world, Among& among) {
  std::vector<GatewayList> out;
  for (const Observed& o : all)
    if (o.version)
      among.each([&] {
        try {
          out.push_back(list(o, world));
        } catch (const Error& e) {
          throw e.within(o.name);
        }
        if (const auto silence = silence_of(o)) throw Error(*silence);
      });
  return out;
}

void versions(const std::vector<Observed>& all, Io& io) {
  io.kind("VersionList");
  Table table{{"NAME", "REVISION", "COMMIT", "TREE", "RUNNING"}, {}, 0};
  for (const Observed& o : all) {
    if (!o.applied || !o.version) continue;
    Value item = to_value(*o.applied);
    item.set("name", o.name);
    item.set("tree", o.version->digest);
    item.set("running_tree", o.live.tree);
    io.item(std::move(item));
    table.rows.push_back({o.name, std::to_string(o.applied->number), o.applied->commit.substr(0, 12),
                          o.version->digest.substr(0, 12), o.live.tree.empty() ? "-" : o.live.tree.substr(0, 12)});
  }
  io.table(table, "versions", "version");
}

Exit run(const Options& o, const World& world, Io& io) {
  Among among(io);
  if (o.what == "health") {
    get_health(o.names, o.labels, world, among, io);
    return among.exit();
  }
  std::vector<Observed> all;
  const NginxMasters masters(world);
  const auto names = select_instances(o.names, o.labels, world, among.unread());
  if (o.names.empty()) tell_hidden(world, among.unread());
  const bool is_answer = o.what == "instances" || o.what == "versions";  // of the others the gateway gives it
  for (const std::string& name : names) try {
      all.push_back(observe_among(name, world, masters));
      if (all.back().broken) throw Error(*all.back().broken);
      if (is_answer) among.each([] {});
    } catch (const Error& e) {
      stop_if_interrupted();
      among.fault(named(e, name));
    }
  for (const Observed& one : all)
    if (const std::string fault = one.fault_of_masters(); !fault.empty())
      io.warn(one.name + ": " + fault, mend_masters(one.name));
  if (o.what == "instances")
    for (const Observed& one : all) warn_distrusted(io, one, world);
  if (o.what == "instances")
    instances(all, io);
  else if (o.what == "upstreams")
    show_upstreams(io, ask(upstreams_of, all, world, among));
  else if (o.what == "servers")
    show_servers(io, ask(upstreams_of, all, world, among));
  else if (o.what == "overrides")
    show_overrides(io, ask(overrides_of, all, world, among));
  else if (o.what == "certs")
    show_certificates(io, ask(certs_of, all, world, among));
  else
    versions(all, io);
  return among.exit();
}

}  // namespace

Command get_command() {
  return command<Options>(
      {"get",
       "list instances, upstreams, servers, health, overrides, versions or certificates",
       {{"All instances of the host", "orctl get instances"},
        {"Servers of one instance with their counters", "orctl get servers prd_payment_001_8080"},
        {"What the checks of an upstream say", "orctl get health prd_payment_001_8080/payment"},
        {"Upstreams of a team, for a program", "orctl get upstreams -l team=payments -o json"},
        {"What operators changed for a time", "orctl get overrides"},
        {"Which revision is live, and is it what runs?", "orctl get versions"},
        {"Which certificates are served, and until when?", "orctl get certs"}},
       "Counters, states and times of certificates come from the running gateway. Exit code 6 when some "
       "instances could be told of and some not; errors say why.",
       {"table", "wide", "json", "name"}},
      flags, run);
}

}  // namespace orctl
