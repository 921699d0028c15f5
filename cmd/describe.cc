#include <fmt/format.h>

#include "base/layout.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/show_gateway.h"
#include "gateway/gateway.h"
#include "gateway/overrides.h"
#include "live/observe.h"
#include "live/served_certificates.h"
#include "model/masked.h"
#include "model/route.h"
#include "shared/among.h"
#include "shared/get_health.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("INST", o.names, "instances, or patterns such as 'prd_*'").required(); }

void line(std::string& out, const std::string& name, const std::string& value) {
  out += fmt::format("{:<14} {}\n", name + ":", value);
}

/// " (5% to payment-next)", or nothing.
std::string share_of_canary(const Value& route) {
  const Value* upstream = canary_upstream(route);
  return upstream == nullptr
             ? ""
             : fmt::format(" ({}% to {})", route.at("canary").at("percent").as_int(), upstream->as_string());
}

/// What the gateway says of the health of a server, as the end of its line; "" when it is not checked.
std::string health_of(const Value::Array& items, const Value& upstream, const Value& server) {
  for (const Value& item : items)
    if (item.at("upstream") == upstream && item.at("server") == server) {
      std::string out = ", " + item.at("state").as_string();
      if (const Value* since = item.find("since")) out += " since " + since->as_string();
      if (!item.at("checks").items().empty()) out += " (" + checks_cell(item) + ")";
      if (const Value* reason = item.find("reason")) out += ": " + reason->as_string();
      return out;
    }
  return {};
}

std::string as_text(const Observed& o, const Value::Array& health, const Value::Array& overrides,
                    const Layout& layout) {
  const Value& spec = o.version->spec;
  std::string out;
  line(out, "Name", o.name);
  line(out, "Status", o.state() + (o.problem.empty() ? "" : " (" + o.problem + ")"));
  if (o.has_two_masters()) line(out, "Masters", o.fault_of_masters() + "; " + mend_masters(o.name));
  line(out, "Revision",
       fmt::format("{} by {}{}", o.applied->number, o.applied->author,
                   o.applied->reason.empty() ? "" : ": " + o.applied->reason));
  if (o.unconfirmed) line(out, "Confirm", o.unconfirmed->line());
  line(out, "Tree", o.tree_path + " (" + o.version->digest.substr(0, 12) + ")");
  line(out, "Admin socket", layout.admin_socket(o.name));
  line(out, "Logs", layout.logs(o.name));
  for (const Value& l : spec.at("listener").items())
    line(out, "Listener",
         fmt::format("{}:{} {}{}", l.at("address").as_string(), l.at("port").as_int(), l.at("protocol").as_string(),
                     l.find("upstream") == nullptr ? "" : " -> " + l.at("upstream").as_string()));
  for (const Value& c : spec.at("certificate").items())
    line(out, "Certificate", fmt::format("{} ({})", c.at("name").as_string(), c.at("certificate").as_string()));
  if (const Value* s = spec.find("source"))
    line(out, "Source",
         fmt::format("{} {}:{} database {} key {}{}", s->at("type").as_string(), s->at("host").as_string(),
                     s->at("port").as_int(), s->at("database").as_int(), s->at("key").as_string(),
                     o.status && !o.status->source_error.empty() ? " (" + o.status->source_error + ")" : ""));
  if (o.unit)
    line(out, "Unit",
         fmt::format("{}: {} ({}), {} at boot, restarted {} times", layout.unit_name(o.name), o.unit->active,
                     o.unit->sub, o.live.at_boot ? "starts" : "does not start", o.unit->restarts));
  if (o.pid != 0) line(out, "Master", fmt::format("pid {}, {}", o.pid, o.live.binary));
  if (o.pid != 0) line(out, "Open files", fmt::format("{} at most, {} wanted", o.open_files, o.wanted_open_files));
  if (o.status) {
    line(out, "Generation", fmt::format("{}, document {}", o.status->generation, o.status->digest.substr(0, 12)));
    for (const WorkerReport& w : o.status->workers)
      line(out, "Worker",
           fmt::format("pid {}, generation {}, document {}, tree {}{}", w.pid, w.generation, w.digest.substr(0, 12),
                       w.tree.substr(0, 12), w.error.empty() ? "" : ", " + w.error));
  }
  out += "Upstreams:\n";
  for (const Value& u : spec.at("upstream").items()) {
    out += fmt::format("  {} ({}, {} retries)\n", u.at("name").as_string(), u.at("balance").as_string(),
                       u.at("retries").as_int());
    for (const Value& s : u.at("server").items())
      out += fmt::format("    {} weight {}{}{}\n", s.at("address").as_string(), s.at("weight").as_int(),
                         s.at("backup").as_bool() ? ", backup" : "", health_of(health, u.at("name"), s.at("address")));
  }
  out += "Routes:\n";
  for (const Value& r : spec.at("route").items())
    out += fmt::format("  {} -> {}{}\n", route_label(r),
                       r.find("upstream") != nullptr ? r.at("upstream").as_string()
                                                     : "redirect to " + r.at("redirect").at("target").as_string(),
                       share_of_canary(r));
  if (!overrides.empty()) out += "Overrides:\n";
  for (const Value& override : overrides)
    out += fmt::format("  {}/{} {}\n", override.at("upstream").as_string(), override.at("server").as_string(),
                       override_line(override));
  if (o.interrupted) out += "An apply was interrupted: the next changing command finishes or undoes it.\n";
  return out;
}

/// Of one whose history or files cannot be read: what is known of it, and why not more.
std::string broken_text(const Observed& o, const Layout& layout) {
  std::string out;
  line(out, "Name", o.name);
  line(out, "Status", "broken (" + std::string(o.broken->what()) + ")");
  if (o.applied) line(out, "Revision", fmt::format("{} by {}", o.applied->number, o.applied->author));
  line(out, "Tree", o.tree_path + (o.version ? "" : " (cannot be read)"));
  line(out, "Admin socket", layout.admin_socket(o.name));
  line(out, "Logs", layout.logs(o.name));
  if (o.pid != 0) line(out, "Master", fmt::format("pid {}, {}", o.pid, o.live.binary));
  if (o.status)
    line(out, "Generation", fmt::format("{}, document {}", o.status->generation, o.status->digest.substr(0, 12)));
  return out;
}

void describe_broken(const Observed& now, const Layout& layout, const std::string& before, Io& io) {
  Value item = Value::object();
  item.set("name", now.name);
  item.set("status", now.state());
  item.set("remark", now.broken->what());
  if (now.applied) item.set("version", to_value(*now.applied));
  item.set("pid", now.pid);
  if (now.status) item.set("gateway", now.status->raw);
  io.item(std::move(item));
  io.print(before + broken_text(now, layout));
}

void describe_one(const Observed& now, const World& world, const std::string& before, Io& io) {
  Value item = masked_spec(now.version->spec);
  item.set("status", now.state());
  item.set("version", to_value(*now.applied));
  item.set("pid", now.pid);
  if (now.has_two_masters()) item.set("fault", now.fault_of_masters());
  if (now.unconfirmed) item.set("confirm_seconds_left", now.unconfirmed->seconds_left());
  const Value::Array health = health_items(now, world);
  if (now.status) item.set("gateway", now.status->raw);
  if (now.status) item.set("health", Value(health));
  Value::Array overrides;
  if (now.status) overrides = gateway_overrides(world, now.name);
  for (const std::string& text : ending_certificates(now, world))
    io.warn(now.name + ": " + text, "put a new one into the manifest's files, and apply it: it is hot");
  warn_distrusted(io, now, world);
  io.print(before + as_text(now, health, overrides, world.layout));
  item.set("overrides", std::move(overrides));
  io.item(std::move(item));
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("InstanceList");
  Among among(io);
  std::string before;
  for (const std::string& name : select_instances(o.names, {}, world)) {
    among.each([&] {
      const Observed now = observe_among(name, world);
      if (now.broken) {
        describe_broken(now, world.layout, before, io);
        throw Error(*now.broken);
      }
      try {
        describe_one(now, world, before, io);
      } catch (const Error& e) {
        throw e.within(name);
      }
      if (const auto silence = silence_of(now)) throw Error(*silence);
    });
    before = "\n";
  }
  return among.exit();
}

}  // namespace

Command describe_command() {
  return command<Options>({"describe",
                           "tell everything about an instance",
                           {{"Describe an instance", "orctl describe prd_payment_001_8080"}},
                           "Where its files are, what it was told, what runs, what each worker serves, and which "
                           "overrides operators have made.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
