#include "model/upstream_health.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"

namespace orctl {
namespace {

void check_durations(const Value& object, const std::string& field, const AddFault& add) {
  for (const char* name : {"interval", "interval_when_down", "interval_when_stable", "timeout", "window", "max_latency",
                           "hold", "max_hold", "ejection_time", "max_ejection_time"}) {
    const Value* v = object.find(name);
    if (v == nullptr) continue;
    const auto span = parse_duration(v->as_string());
    if (!span || *span > std::chrono::hours(24))
      add(Severity::error, "out-of-range", *v, field + "." + name, v->as_string() + " is longer than 24h",
          "use at most \"24h\"");
  }
}

/// Looks at one upstream's health.
class HealthCheck {
 public:
  HealthCheck(const Value& health, std::string field, bool trusts, const AddFault& add)
      : health_(health), field_(std::move(field)), trusts_(trusts), add_(add) {}

  void run() {
    if (const Value* checks = health_.find("check")) {
      std::set<std::string> names;
      for (size_t i = 0; i < checks->items().size(); ++i) {
        const Value& check = checks->items()[i];
        const std::string field = fmt::format("{}.check[{}]", field_, i);
        const Value& name = check.at("name");
        if (!names.insert(name.as_string()).second)
          error("duplicate", name, field + ".name",
                fmt::format("check '{}' stands here a second time", name.as_string()), "rename one of the two");
        check_durations(check, field, add_);
        check_one(check, field);
      }
      check_condition(checks->items().size());
    } else {
      check_one(health_, field_);
      check_condition(1);
    }
  }

 private:
  void error(const char* code, const Value& at, const std::string& field, std::string text, std::string hint) {
    add_(Severity::error, code, at, field, std::move(text), std::move(hint));
  }

  /// A field of a check; of several checks, each takes from health what it does not say.
  const Value* find(const Value& check, const char* name) const {
    const Value* own = check.find(name);
    return own != nullptr ? own : health_.find(name);
  }

  void check_one(const Value& check, const std::string& field) {
    const Value* type = find(check, "type");
    if (type == nullptr)
      return error("incomplete-check", check, field + ".type", "this field is required", "add type = \"http\"");
    if (type->as_string() == "lua" && find(check, "module") == nullptr)
      error("incomplete-check", check, field + ".module", "a check of type \"lua\" needs a module",
            "add module = \"NAME\" for lua/NAME.lua in the folder of `files`");
    if (const Value* verify = find(check, "tls_verify"); verify != nullptr && verify->as_bool() && !trusts_)
      error("incomplete-check", *verify, field + ".tls_verify", "there are no certificates to verify the server's with",
            "add nginx.trusted_certificate = \"/etc/ssl/certs/ca-certificates.crt\"");
    check_status(check, field);
    check_times(check, field, type->as_string());
  }

  void check_status(const Value& check, const std::string& field) {
    const Value* status = check.find("status");
    if (status == nullptr) return;
    for (size_t i = 0; i < status->items().size(); ++i) {
      const Value& one = status->items()[i];
      if (!one.is_string() || one.as_string().size() != 7) continue;
      if (one.as_string().substr(0, 3) > one.as_string().substr(4))
        error("bad-range", one, fmt::format("{}.status[{}]", field, i),
              fmt::format("the range {} ends before it begins", one.as_string()), "write the smaller code first");
    }
  }

  void check_times(const Value& check, const std::string& field, const std::string& type) {
    const Value *timeout = find(check, "timeout"), *interval = find(check, "interval");
    if (timeout == nullptr || interval == nullptr || (type != "http" && type != "tcp" && type != "lua")) return;
    const auto longest = parse_duration(timeout->as_string()), next = parse_duration(interval->as_string());
    if (longest && next && *longest > *next)
      add_(Severity::warning, "slow-check", *timeout, field + ".timeout",
           fmt::format("a check may take {}, and the next one is due after {}", timeout->as_string(),
                       interval->as_string()),
           "make timeout shorter than interval");
  }

  void check_condition(size_t checks) {
    const Value *min = health_.find("min"), *require = health_.find("require");
    if (min == nullptr) return;
    if (require != nullptr)
      error("bad-condition", *min, field_ + ".min", "min and require exclude each other", "keep one of the two");
    else if (min->as_int() > static_cast<int64_t>(checks))
      error("bad-condition", *min, field_ + ".min",
            fmt::format("{} checks must be good, and there {} {}", min->as_int(), checks == 1 ? "is" : "are", checks),
            fmt::format("use 1 to {}", checks));
  }

  const Value& health_;
  const std::string field_;
  const bool trusts_;
  const AddFault& add_;
};

}  // namespace

void check_upstream_health(const Value& upstream, const std::string& field, const Value& nginx, const AddFault& add) {
  if (const Value* outlier = upstream.find("outlier")) check_durations(*outlier, field + ".outlier", add);
  const Value* health = upstream.find("health");
  if (health == nullptr) return;
  check_durations(*health, field + ".health", add);
  if (const Value* flap = health->find("flap")) check_durations(*flap, field + ".health.flap", add);
  HealthCheck(*health, field + ".health", nginx.find("trusted_certificate") != nullptr, add).run();
}

Value lower_health(const Value& health) {
  Value out = Value::object();
  for (const auto& [key, value, place] : health.members()) out.set(key == "check" ? "checks" : key, value);
  return out;
}

void visit_check_modules(const Value& spec, const std::function<void(const Value&, const std::string&)>& visit) {
  const auto& upstreams = spec.at("upstream").items();
  for (size_t i = 0; i < upstreams.size(); ++i) {
    const Value* health = upstreams[i].find("health");
    if (health == nullptr) continue;
    const std::string field = fmt::format("upstream[{}].health", i);
    if (const Value* module = health->find("module")) visit(*module, field + ".module");
    const Value* checks = health->find("check");
    if (checks == nullptr) continue;
    for (size_t j = 0; j < checks->items().size(); ++j)
      if (const Value* module = checks->items()[j].find("module"))
        visit(*module, fmt::format("{}.check[{}].module", field, j));
  }
}

}  // namespace orctl
