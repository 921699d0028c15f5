// description_text() of answer/description.h.
#include <fmt/format.h>

#include <map>

#include "answer/description.h"
#include "answer/health.h"
#include "answer/overrides.h"
#include "gateway/gateway.h"
#include "model/route.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

void line(std::string& out, const std::string& name, const std::string& value) {
  out += fmt::format("{:<14} {}\n", name + ":", value);
}

/// What its gateway said of itself, if it did.
std::optional<GatewayStatus> gateway_of(const Value& item) {
  const Value* told = item.find("gateway");
  return told == nullptr ? std::nullopt : std::optional(gateway_status_of(*told));
}

/// " (5% to payment-next)", or nothing.
std::string share_of_canary(const Value& route) {
  const Value* upstream = canary_upstream(route);
  return upstream == nullptr
             ? ""
             : fmt::format(" ({}% to {})", route.at("canary").at("percent").as_int(), upstream->as_string());
}

/// What the gateway says of the health of a server, as the end of its line; "" when it is not checked.
std::string health_of(const Value& item, const Value& upstream, const Value& server) {
  const Value* all = item.find("health");
  if (all == nullptr) return {};
  for (const Value& one : all->items())
    if (one.at("upstream") == upstream && one.at("address") == server) {
      std::string out = ", " + one.at("state").as_string();
      if (const Value* since = one.find("since")) out += " since " + since->as_string();
      if (!one.at("checks").items().empty()) out += " (" + checks_text(one, "checks") + ")";
      if (const Value* reason = one.find("reason")) out += ": " + reason->as_string();
      return out;
    }
  return {};
}

/// What was found, the gravest first, and under each what mends it.
void tell_findings(std::string& out, const Value& item) {
  const Value* findings = item.find("findings");
  if (findings == nullptr || findings->items().empty()) return;
  out += "Findings:\n";
  for (const Value& one : findings->items()) {
    const std::string& mend = one.at("mend").as_string();
    out += fmt::format("  {} {}: {}\n", one.at("severity").as_string(), one.at("code").as_string(),
                       one.at("text").as_string());
    if (!mend.empty()) out += "    " + mend + "\n";
  }
}

void tell_state(std::string& out, const Value& item) {
  const std::string& name = item.at("name").as_string();
  const Value* remark = item.find("remark");
  line(out, "Name", name);
  line(out, "Status", item.at("status").as_string() + (remark == nullptr ? "" : " (" + remark->as_string() + ")"));
  if (const Value* fault = item.find("fault")) line(out, "Masters", fault->as_string() + "; " + mend_masters(name));
  tell_findings(out, item);
}

void tell_places(std::string& out, const Value& item, const std::string& of_tree) {
  line(out, "Tree", item.at("tree_path").as_string() + of_tree);
  line(out, "Admin socket", item.at("admin_socket").as_string());
  line(out, "Logs", item.at("logs").as_string());
}

void tell_certificates(std::string& out, const Value& item) {
  const Value* served = item.find("served_certificates");
  const auto name = [](const Value& one) { return one.at("name").as_string(); };
  std::map<std::string, std::string> files;
  for (const Value& c : item.at("certificate").items()) files[name(c)] = c.at("certificate").as_string();
  if (served == nullptr || served->items().empty())
    for (const Value& c : item.at("certificate").items())
      line(out, "Certificate", fmt::format("{} ({})", name(c), files[name(c)]));
  else
    for (const Value& c : served->items())
      line(out, "Certificate",
           fmt::format("{} ({}), {}until {}, {} days", name(c),
                       files.contains(name(c)) ? files[name(c)] : "of no manifest",
                       c.find("key_type") == nullptr ? "" : c.at("key_type").as_string() + " ",
                       c.at("not_after").as_string(), member_text(c, "days")));
}

void tell_manifest(std::string& out, const Value& item) {
  for (const Value& l : item.at("listener").items())
    line(out, "Listener",
         fmt::format("{}:{} {}{}", l.at("address").as_string(), l.at("port").as_int(), l.at("protocol").as_string(),
                     l.find("upstream") == nullptr ? "" : " -> " + l.at("upstream").as_string()));
  tell_certificates(out, item);
  const Value* s = item.find("source");
  if (s == nullptr) return;
  const auto gateway = gateway_of(item);
  line(out, "Source",
       fmt::format("{} {}:{} database {} key {}{}", s->at("type").as_string(), s->at("host").as_string(),
                   s->at("port").as_int(), s->at("database").as_int(), s->at("key").as_string(),
                   gateway && !gateway->source_error.empty() ? " (" + gateway->source_error + ")" : ""));
}

void tell_master(std::string& out, const Value& item) {
  if (const Value* binary = item.find("binary"))
    line(out, "Master", fmt::format("pid {}, {}", item.at("pid").as_int(), binary->as_string()));
}

void tell_generation(std::string& out, const GatewayStatus& gateway) {
  line(out, "Generation", fmt::format("{}, document {}", gateway.generation, gateway.digest.substr(0, 12)));
}

void tell_process(std::string& out, const Value& item) {
  if (const Value* unit = item.find("unit"))
    line(out, "Unit",
         fmt::format("{}: {} ({}), {} at boot, restarted {} times", unit->at("name").as_string(),
                     unit->at("active").as_string(), unit->at("sub").as_string(),
                     unit->at("enabled").as_bool() ? "starts" : "does not start", unit->at("restarts").as_int()));
  tell_master(out, item);
  if (const Value* files = item.find("open_files"))
    line(out, "Open files",
         fmt::format("{} at most, {} wanted", files->at("limit").as_int(), files->at("wanted").as_int()));
  const auto gateway = gateway_of(item);
  if (!gateway) return;
  tell_generation(out, *gateway);
  for (const WorkerReport& w : gateway->workers)
    line(out, "Worker",
         fmt::format("pid {}, generation {}, document {}, tree {}{}", w.pid, w.generation, w.digest.substr(0, 12),
                     w.tree.substr(0, 12), w.error.empty() ? "" : ", " + w.error));
}

void tell_upstreams(std::string& out, const Value& item) {
  out += "Upstreams:\n";
  for (const Value& u : item.at("upstream").items()) {
    out += fmt::format("  {} ({}, {} retries)\n", u.at("name").as_string(), u.at("balance").as_string(),
                       u.at("retries").as_int());
    for (const Value& s : u.at("server").items())
      out += fmt::format("    {} weight {}{}{}\n", s.at("address").as_string(), s.at("weight").as_int(),
                         s.at("backup").as_bool() ? ", backup" : "", health_of(item, u.at("name"), s.at("address")));
  }
}

void tell_routes(std::string& out, const Value& item) {
  out += "Routes:\n";
  for (const Value& r : item.at("route").items())
    out += fmt::format("  {} -> {}{}\n", route_label(r),
                       r.find("upstream") != nullptr ? r.at("upstream").as_string()
                                                     : "redirect to " + r.at("redirect").at("target").as_string(),
                       share_of_canary(r));
}

void tell_overrides(std::string& out, const Value& item) {
  const Value::Array& overrides = item.at("overrides").items();
  if (!overrides.empty()) out += "Overrides:\n";
  for (const Value& override : overrides)
    out += fmt::format("  {}/{} {}\n", override.at("upstream").as_string(), override.at("address").as_string(),
                       override_line(override));
}

std::string broken_text(const Value& item) {
  std::string out;
  tell_state(out, item);
  if (const Value* version = item.find("version"))
    line(out, "Revision", fmt::format("{} by {}", version->at("revision").as_int(), version->at("author").as_string()));
  tell_places(out, item, item.find("tree") == nullptr ? " (cannot be read)" : "");
  tell_master(out, item);
  if (const auto gateway = gateway_of(item)) tell_generation(out, *gateway);
  return out;
}

/// The line that says what comes of an unconfirmed change.
std::string confirm_line_of(const Value& item, const Value& seconds_left) {
  Unconfirmed wait;
  wait.name = item.at("name").as_string();
  wait.left = Millis(seconds_left.as_int() * 1000);
  return wait.line();
}

}  // namespace

std::string description_text(const Value& item) {
  if (item.at("status") == Value("broken")) return broken_text(item);
  std::string out;
  tell_state(out, item);
  const Value& version = item.at("version");
  const std::string& reason = version.at("reason").as_string();
  line(out, "Revision",
       fmt::format("{} by {}{}", version.at("revision").as_int(), version.at("author").as_string(),
                   reason.empty() ? "" : ": " + reason));
  if (const Value* left = item.find("confirm_seconds_left")) line(out, "Confirm", confirm_line_of(item, *left));
  tell_places(out, item, " (" + item.at("tree").as_string().substr(0, 12) + ")");
  tell_manifest(out, item);
  tell_process(out, item);
  tell_upstreams(out, item);
  tell_routes(out, item);
  tell_overrides(out, item);
  if (item.at("interrupted").as_bool())
    out += "An apply was interrupted: the next changing command finishes or undoes it.\n";
  return out;
}

}  // namespace orctl
