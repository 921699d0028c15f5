#include "model/idle_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/schema.h"

namespace orctl {
namespace {

/// Whether the manifest itself says this; a default has no place there.
bool is_given(const Value* value) { return value != nullptr && value->place.line != 0; }

bool is_true(const Value* value) { return value != nullptr && value->is_bool() && value->as_bool(); }

bool is_number(const Value* value, int64_t number) {
  return value != nullptr && value->is_int() && value->as_int() == number;
}

std::string text_of(const Value* value) { return value != nullptr && value->is_string() ? value->as_string() : ""; }

/// Which types of checks read a field of a check; blank before and behind each. What is not here is read by all.
struct CheckField {
  const char *name, *types;
};
constexpr CheckField check_fields[] = {
    {"path", " http "},
    {"method", " http "},
    {"headers", " http "},
    {"status", " http "},
    {"body", " http "},
    {"host", " http tcp "},
    {"tls", " http tcp "},
    {"send", " tcp "},
    {"tls_server_name", " http tcp "},
    {"expect", " tcp "},
    {"module", " lua "},
    {"tls_verify", " http tcp "},
    {"settings", " lua "},
    {"window", " error_ratio latency "},
    {"max_errors", " error_ratio "},
    {"max_latency", " latency "},
    {"min_requests", " error_ratio latency "},
    {"timeout", " http tcp lua "},
};

/// One check with what it takes from the upstream's health.
class Check {
 public:
  Check(const Value& health, const Value& own) : health_(health), own_(own) {}

  const Value* find(const char* name) const {
    const Value* own = own_.find(name);
    return own != nullptr ? own : health_.find(name);
  }
  bool says(const char* name) const { return own_.find(name) != nullptr; }

  /// Why this check does not read a field; "" when it does.
  std::string why_idle(const std::string& name) const {
    const std::string type = text_of(find("type"));
    for (const CheckField& field : check_fields)
      if (name == field.name && std::string(field.types).find(" " + type + " ") == std::string::npos)
        return fmt::format("a check of type \"{}\" has no use for it", type);
    const bool tls = is_true(find("tls"));
    if (!tls && (name == "tls_server_name" || name == "tls_verify")) return "the check speaks no TLS";
    if (name == "host" && type == "tcp" && (!tls || find("tls_server_name") != nullptr))
      return "a check of type \"tcp\" names no host but in TLS, and tls_server_name comes first";
    if (name == "stable_after" && find("interval_when_stable") == nullptr)
      return "there is no interval_when_stable that would come after it";
    return {};
  }

 private:
  const Value &health_, &own_;
};

/// Whether an object without members is anywhere in `v`: then the way to it is worth its price.
bool holds_empty(const Value& v) {
  if (v.is_array()) return std::any_of(v.items().begin(), v.items().end(), holds_empty);
  if (!v.is_object()) return false;
  return v.members().empty() || std::any_of(v.members().begin(), v.members().end(),
                                            [](const Value::Member& m) { return holds_empty(m.value); });
}

void walk_empty(const Value& v, const std::string& field, const std::string& path, const Report& report) {
  if (!holds_empty(v)) return;
  if (v.is_array())
    for (size_t i = 0; i < v.items().size(); ++i)
      walk_empty(v.items()[i], fmt::format("{}[{}]", field, i), path, report);
  if (!v.is_object()) return;
  const Schema::Node* node = path.empty() ? nullptr : Schema::get("instance").find(path);
  if (v.members().empty() && node != nullptr && !node->has_default)
    report(Severity::warning, "no-effect", v, field, "is empty, which says as much as if it were not there",
           "give it a field, or take it away");
  for (const Value::Member& m : v.members())
    walk_empty(m.value, field.empty() ? m.key : field + "." + m.key, path.empty() ? m.key : path + "." + m.key, report);
}

class Idle {
 public:
  Idle(const Instance& instance, const Report& report) : instance_(instance), report_(report) {}

  void look() {
    const auto& upstreams = instance_.list("upstream");
    const std::set<std::string> fixed = fixed_upstreams();
    for (size_t i = 0; i < upstreams.size(); ++i) {
      if (const std::string& name = upstreams[i].at("name").as_string(); fixed.contains(name) && !is_routed(name))
        continue;  // of such a one is said what its listeners cannot have
      const std::string field = fmt::format("upstream[{}]", i);
      look_at_upstream(upstreams[i], field);
      if (const Value* health = upstreams[i].find("health")) look_at_health(*health, field + ".health");
      if (const Value* outlier = upstreams[i].find("outlier")) look_at_outlier(*outlier, field + ".outlier");
    }
    const auto& routes = instance_.list("route");
    for (size_t i = 0; i < routes.size(); ++i) look_at_route(routes[i], fmt::format("route[{}]", i));
    look_at_trust();
    if (instance_.spec.find("source") != nullptr && has_http(instance_)) warn_of_start_values(fixed);
  }

 private:
  void warn(const Value* given, const std::string& field, const std::string& why, const std::string& hint) {
    if (is_given(given)) report_(Severity::warning, "no-effect", *given, field, why, hint);
  }

  void idle(const Value& table, const char* name, const std::string& field, const std::string& why,
            const std::string& hint = "take it away") {
    warn(table.find(name), field + "." + name, "does nothing: " + why, hint);
  }

  std::set<std::string> fixed_upstreams() const {
    std::set<std::string> names;
    for (const Value& listener : instance_.list("listener"))
      if (is_stream(listener)) names.insert(text_of(listener.find("upstream")));
    return names;
  }

  bool is_routed(const std::string& name) const {
    const auto& routes = instance_.list("route");
    return std::any_of(routes.begin(), routes.end(), [&](const Value& route) {
      const Value* canary = route.find("canary");
      return text_of(route.find("upstream")) == name ||
             (canary != nullptr && text_of(canary->find("upstream")) == name);
    });
  }

  void look_at_upstream(const Value& upstream, const std::string& field) {
    if (is_number(upstream.find("retries"), 0))
      idle(upstream, "retry_budget", field, "with retries = 0 there are none that it could keep small");
    if (upstream.find("health") == nullptr && upstream.find("outlier") == nullptr)
      idle(upstream, "all_down", field, "without health or outlier no server is ever down",
           "add upstream.health, or take it away");
  }

  void look_at_health(const Value& health, const std::string& field) {
    static const Value none = Value::object();
    const Value* list = health.find("check");
    std::vector<Check> checks;
    if (list == nullptr) checks.emplace_back(health, none);
    for (size_t i = 0; list != nullptr && i < list->items().size(); ++i) {
      checks.emplace_back(health, list->items()[i]);
      for (const Value::Member& m : list->items()[i].members())
        if (const std::string why = checks.back().why_idle(m.key); !why.empty())
          idle(list->items()[i], m.key.c_str(), fmt::format("{}.check[{}]", field, i), why);
    }
    for (const Value::Member& m : health.members()) {
      std::string why = "each check says its own";
      for (const Check& check : checks)
        if (!check.says(m.key.c_str())) why = why.empty() ? "" : check.why_idle(m.key);
      if (Schema::get("instance").find("upstream.health.check." + m.key) != nullptr && !why.empty())
        idle(health, m.key.c_str(), field, why);
    }
    if (checks.size() == 1 && (health.find("min") == nullptr || health.find("require") == nullptr))
      for (const char* name : {"require", "min"}) idle(health, name, field, "there is one check only");
    const Value* flap = health.find("flap");
    if (flap != nullptr && is_number(flap->find("after"), 0))
      for (const char* name : {"window", "hold", "max_hold"})
        idle(*flap, name, field + ".flap", "with after = 0 nothing is damped");
  }

  void look_at_outlier(const Value& outlier, const std::string& field) {
    const bool by_ratio = outlier.find("error_ratio") != nullptr;
    const bool in_a_row = !is_number(outlier.find("consecutive_failures"), 0);
    const char* why = !by_ratio && !in_a_row ? "without error_ratio and with consecutive_failures = 0 none is guilty"
                      : is_number(outlier.find("max_ejected"), 0)       ? "with max_ejected = 0 none is ejected"
                      : is_number(outlier.find("panic_threshold"), 100) ? "with panic_threshold = 100 none is ejected"
                                                                        : nullptr;
    if (why != nullptr) return warn(&outlier, field, std::string("does nothing: ") + why, "take it away");
    if (!by_ratio)
      for (const char* name : {"min_requests", "interval"}) idle(outlier, name, field, "there is no error_ratio");
    const auto time = parse_duration(text_of(outlier.find("ejection_time")));
    const auto most = parse_duration(text_of(outlier.find("max_ejection_time")));
    if (time && most && *time >= *most)
      idle(outlier, "ejection_time", field, "max_ejection_time is no longer than it, and ends every ejection");
  }

  void look_at_route(const Value& route, const std::string& field) {
    const std::string path = text_of(route.find("path"));
    const bool exact = text_of(route.find("match")) == "exact";
    if (is_true(route.find("strip_prefix")) && path == "/")
      warn(route.find("strip_prefix"), field + ".strip_prefix",
           "strips nothing: the path \"/\" is no prefix that could go",
           "give the route a longer path, or take it away");
    if (const Value* redirect = route.find("redirect"); redirect != nullptr && exact)
      idle(*redirect, "keep_path", field + ".redirect", "of an exact path nothing is left to be kept");
    const Value* canary = route.find("canary");
    if (canary == nullptr) return;
    if (is_number(canary->find("percent"), 0))
      warn(canary, field + ".canary", "does nothing: percent = 0 sends nobody there",
           "give it a percent, or take it away");
    else if (is_number(canary->find("percent"), 100))
      idle(*canary, "by", field + ".canary", "with percent = 100 all go there");
  }

  /// Who verifies certificates with nginx.trusted_certificate: checks, the source, and what Lua of the manifest's own
  /// may.
  void look_at_trust() {
    if (instance_.spec.find("files") != nullptr || !has_http(instance_)) return;
    if (const Value* source = instance_.spec.find("source"); source != nullptr && is_true(source->find("tls"))) return;
    for (const Value& upstream : instance_.list("upstream")) {
      const Value* health = upstream.find("health");
      if (health == nullptr) continue;
      if (is_true(health->find("tls_verify"))) return;
      if (const Value* list = health->find("check"))
        for (const Value& check : list->items())
          if (is_true(check.find("tls_verify"))) return;
    }
    idle(instance_.spec.at("nginx"), "trusted_certificate", "nginx", "no check and no source verifies a certificate",
         "add tls_verify = true to a check, or take it away");
  }

  /// The source's document replaces upstreams and routes as a whole; tcp and udp listeners keep theirs.
  void warn_of_start_values(const std::set<std::string>& fixed) {
    for (const char* table : {"upstream", "route"}) {
      const auto& all = instance_.list(table);
      const auto first = std::find_if(all.begin(), all.end(),
                                      [&](const Value& one) { return !fixed.contains(text_of(one.find("name"))); });
      if (first == all.end()) continue;
      report_(Severity::warning, "start-value", *first, fmt::format("{}[{}]", table, first - all.begin()),
              "is only served until the source has been read: what that holds takes its place",
              "change it at the source, or take it away if nothing is to be served before");
    }
  }

  const Instance& instance_;
  const Report& report_;
};

}  // namespace

void warn_idle_fields(const Instance& instance, const Report& report) { Idle(instance, report).look(); }

void warn_empty_tables(const Value& written, const Report& report) {
  if (holds_empty(written)) walk_empty(written, "", "", report);
}

}  // namespace orctl
