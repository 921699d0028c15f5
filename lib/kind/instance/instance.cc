#include "kind/instance/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "model/address.h"
#include "model/document_size.h"
#include "model/idle_fields.h"
#include "model/listener.h"
#include "model/masked.h"
#include "model/origin.h"
#include "model/route.h"
#include "model/route_phases.h"
#include "model/schema.h"
#include "model/upstream_health.h"

namespace orctl {
namespace {

/// `over` laid on `under`: objects are merged member by member, everything else is replaced.
Value merged(const Value& under, const Value& over) {
  if (!under.is_object() || !over.is_object()) return over;
  Value out = over;
  for (const auto& member : under.members()) {
    const Value* given = over.find(member.key);
    out.set(member.key, given == nullptr ? member.value : merged(member.value, *given));
  }
  return out;
}

/// What the schema cannot say of one instance: its name's parts, references, duplicates, addresses.
class Meaning {
 public:
  Meaning(Instance& instance, const NameRules& rules, Diagnostics& found)
      : instance_(instance), rules_(rules), found_(found) {}

  /// The parts of the name; the only check that needs no sound document.
  void check_name_parts();

  /// The manifest before its defaults.
  void check_written(const Value& written) {
    warn_empty_tables(written, [this](Severity severity, const char* code, const Value& at, const std::string& field,
                                      const std::string& text, const std::string& hint) {
      // said last, so that no error has to give way to it
      if (later_.size() < max_faults) later_.push_back(fault_of(instance_, severity, code, at, field, text, hint));
    });
  }

  void check() {
    check_name_parts();
    check_durations(instance_.spec.at("nginx"), "nginx");
    check_source();
    check_listeners();
    check_admin();
    check_upstreams();
    check_routes();
    check_protocols(instance_, report());
    warn_idle_fields(instance_, report());
    std::move(later_.begin(), later_.end(), std::back_inserter(found_));
  }

 private:
  Report report() {
    return [this](Severity severity, const char* code, const Value& at, const std::string& field,
                  const std::string& text, const std::string& hint) { add(severity, code, at, field, text, hint); };
  }

  void add(Severity severity, const char* code, const Value& at, std::string field, std::string text,
           std::string hint) {
    if (found_.size() >= 2 * max_faults) return;
    // what the schema has refused already is not said twice, and what is refused need not have an effect
    const bool gives_way = severity == Severity::error || code == std::string("no-effect");
    for (const Diagnostic& d : found_)
      if (d.field == field && d.severity == Severity::error && gives_way && d.code != code) return;
    found_.push_back(fault_of(instance_, severity, code, at, std::move(field), std::move(text), std::move(hint)));
  }
  void error(const char* code, const Value& at, std::string field, std::string text, std::string hint) {
    add(Severity::error, code, at, std::move(field), std::move(text), std::move(hint));
  }
  void warning(const char* code, const Value& at, std::string field, std::string text, std::string hint) {
    add(Severity::warning, code, at, std::move(field), std::move(text), std::move(hint));
  }

  void check_source() {
    const Value* source = instance_.spec.find("source");
    if (source == nullptr) return;
    check_durations(*source, "source");
    const Value& host = source->at("host");
    if (auto fault = server_host_fault(host.as_string()); !fault.empty())
      error("bad-address", host, "source.host", fmt::format("\"{}\" {}", host.as_string(), fault),
            "for example \"10.0.0.9\" or \"[2001:db8::9]\"");
    check_source_tls(*source);
  }

  void check_source_tls(const Value& source) {
    const Value *tls = source.find("tls"), *name = source.find("tls_server_name"), *verify = source.find("tls_verify");
    if (tls == nullptr || !tls->as_bool()) {
      for (const auto& [field, value] : {std::pair("tls_server_name", name), {"tls_verify", verify}})
        if (value != nullptr)
          error("no-tls", *value, std::string("source.") + field, "does nothing without TLS", "add tls = true");
      return;
    }
    if (verify != nullptr && !verify->as_bool()) return;
    if (name == nullptr)
      error("missing-field", *tls, "source.tls_server_name", "the certificate must have a name to be known by",
            "add tls_server_name = \"redis.example\", or tls_verify = false");
    if (instance_.spec.at("nginx").find("trusted_certificate") == nullptr)
      error("no-trust", *tls, "source.tls", "nothing says which certificates are trusted",
            "add nginx.trusted_certificate = \"/etc/ssl/certs/ca-certificates.crt\", or tls_verify = false");
  }

  void check_listeners() {
    Value* listeners = instance_.spec.find("listener");
    if (listeners == nullptr) {
      Value one = Value::object();
      one.set("address", "0.0.0.0");
      one.set("port", instance_.name.port);
      one.set("protocol", "http");
      // where the schema has it, so that a spec that is read back from the store is equal
      auto& members = instance_.spec.members();
      const auto next =
          std::find_if(members.begin(), members.end(), [](const auto& m) { return m.key == "certificate"; });
      members.insert(next, {"listener", Value(Value::Array{std::move(one)})});
      return;
    }
    bool own_port = false;
    for (size_t i = 0; i < listeners->items().size(); ++i) {
      const Value& listener = listeners->items()[i];
      const std::string field = fmt::format("listener[{}]", i);
      const std::string& address = listener.at("address").as_string();
      own_port = own_port || listener.at("port").as_int() == instance_.name.port;
      if (auto fault = address_fault(address); !fault.empty())
        error("bad-address", listener.at("address"), field + ".address", fmt::format("\"{}\" {}", address, fault),
              "for example \"10.0.0.1\" or \"[::]\"");
      for (size_t j = 0; j < i; ++j) {
        const Value& other = listeners->items()[j];
        if (overlap(listener, other))
          error("duplicate", listener.at("port"), field,
                fmt::format("{} is already taken by listener[{}]", socket_name(listener), j),
                "give it another port or address");
      }
    }
    if (!own_port && instance_.name.port != 0)
      warning("port-not-served", *listeners, "listener",
              fmt::format("no listener has the instance's port {}", instance_.name.port),
              fmt::format("add {{ port = {} }}, or rename the instance", instance_.name.port));
  }

  void check_admin() {
    const Value* admin = instance_.spec.find("admin");
    if (admin == nullptr) return;
    const Value* listen = admin->find("listen");
    const Value* token_file = admin->find("token_file");
    if (listen != nullptr && token_file == nullptr)
      error("missing-field", *listen, "admin.token_file", "the admin endpoint on TCP needs a token",
            "add token_file = \"/etc/orctl/admin.token\"; make one with: openssl rand -hex 32");
    if (listen == nullptr && token_file != nullptr)
      error("missing-field", *token_file, "admin.listen", "a token is for the admin endpoint on TCP, and there is none",
            "add listen = \"127.0.0.1:9001\", or take token_file out");
    if (listen == nullptr) return;
    const std::string& address = listen->as_string();
    if (auto fault = server_address_fault(address); !fault.empty()) {
      error("bad-address", *listen, "admin.listen", fmt::format("\"{}\" {}", address, fault),
            "for example \"127.0.0.1:9001\"");
      return;
    }
    if (!address.starts_with("127.") &&
        canonical_host(address.substr(0, address.rfind(':'))) != canonical_host("[::1]"))
      warning("clear-text", *listen, "admin.listen", "the token travels in clear text, and this is no loopback address",
              "listen on 127.0.0.1, or on an address of a management network");
    Value taken = Value::object();
    taken.set("address", address.substr(0, address.rfind(':')));
    taken.set("port", int64_t{std::stoi(address.substr(address.rfind(':') + 1))});
    taken.set("protocol", "http");
    for (size_t i = 0; i < instance_.list("listener").size(); ++i)
      if (overlap(taken, instance_.list("listener")[i]))
        error("duplicate", *listen, "admin.listen", fmt::format("{} is already taken by listener[{}]", address, i),
              "give it another port or address");
  }

  void check_upstreams() {
    std::map<std::string, size_t> seen;
    const auto& upstreams = instance_.list("upstream");
    for (size_t i = 0; i < upstreams.size(); ++i) {
      const Value& name = upstreams[i].at("name");
      const auto [first, fresh] = seen.emplace(name.as_string(), i);
      if (!fresh)
        error("duplicate", name, fmt::format("upstream[{}].name", i),
              fmt::format("upstream '{}' stands here a second time", name.as_string()),
              fmt::format("merge it with upstream[{}] or rename it", first->second));
      upstreams_.push_back(name.as_string());
      known_upstreams_.insert(name.as_string());
      check_durations(upstreams[i], fmt::format("upstream[{}]", i));
      if (const Value* sticky = upstreams[i].find("sticky"))
        check_durations(*sticky, fmt::format("upstream[{}].sticky", i));
      check_balance(upstreams[i], fmt::format("upstream[{}]", i));
      check_upstream_health(
          upstreams[i], fmt::format("upstream[{}]", i), instance_.spec.at("nginx"),
          [this](Severity severity, const char* code, const Value& at, const std::string& field, std::string text,
                 std::string hint) { add(severity, code, at, field, std::move(text), std::move(hint)); });
      check_servers(upstreams[i], i);
    }
  }

  void check_durations(const Value& object, const std::string& field) {
    for (const char* name : {"connect_timeout", "send_timeout", "read_timeout", "interval", "timeout",
                             "worker_shutdown_timeout", "slow_start", "ttl", "per"}) {
      const Value* v = object.find(name);
      if (v == nullptr) continue;
      const auto span = parse_duration(v->as_string());
      if (!span || *span > std::chrono::hours(24))
        error("out-of-range", *v, field + "." + name, fmt::format("{} is longer than 24h", v->as_string()),
              "use at most \"24h\"");
    }
  }

  /// Fields that go together with the way a server is chosen.
  void check_balance(const Value& upstream, const std::string& field) {
    const Value& balance = upstream.at("balance");
    const std::string& how = balance.as_string();
    const Value* hash = upstream.find("hash");
    if (how == "hash" && hash == nullptr)
      error("missing-hash", balance, field + ".balance", "balance \"hash\" does not say what to hash",
            "add hash = \"header:X-User\", or balance = \"ip_hash\"");
    if (how != "hash" && hash != nullptr)
      error("unused-hash", *hash, field + ".hash", fmt::format("balance \"{}\" takes no hash", how),
            "set balance = \"hash\", or take hash away");
    const Value* sticky = upstream.find("sticky");
    if (sticky != nullptr && (how == "hash" || how == "ip_hash"))
      error("sticky-with-hash", *sticky, field + ".sticky",
            fmt::format("balance \"{}\" keeps clients at a server itself; a cookie would disagree with it", how),
            "keep one of the two; sticky goes with round_robin, least_conn, random and ewma");
  }

  void check_servers(const Value& upstream, size_t index) {
    std::set<std::string> seen;
    bool primary = false;
    const auto& servers = upstream.at("server").items();
    for (size_t i = 0; i < servers.size(); ++i) {
      const Value& address = servers[i].at("address");
      const std::string field = fmt::format("upstream[{}].server[{}].address", index, i);
      primary = primary || !servers[i].at("backup").as_bool();
      if (auto fault = server_address_fault(address.as_string()); !fault.empty())
        error("bad-address", address, field, fmt::format("\"{}\" {}", address.as_string(), fault),
              "for example \"10.0.0.1:8080\" or \"[2001:db8::1]:8080\"");
      else if (!seen.insert(canonical_address(address.as_string())).second)
        error("duplicate", address, field,
              fmt::format("server {} stands twice in upstream '{}'", address.as_string(),
                          upstream.at("name").as_string()),
              "keep one, and give it the sum of the weights");
    }
    if (!primary && !servers.empty())
      warning("only-backups", upstream.at("name"), fmt::format("upstream[{}]", index),
              fmt::format("upstream '{}' has only backup servers", upstream.at("name").as_string()),
              "take backup = true away from at least one");
  }

  void check_routes() {
    Value* routes = instance_.spec.find("route");
    const std::vector<std::string> policies = policy_fields();
    std::map<std::string, size_t> seen;
    std::set<std::string> used;
    for (size_t i = 0; i < routes->items().size(); ++i) {
      Value& route = routes->items()[i];
      const std::string field = fmt::format("route[{}]", i);
      check_route(route, [&](const char* code, const Value& at, const std::string& part, std::string text,
                             std::string hint) { error(code, at, field + part, std::move(text), std::move(hint)); });
      check_durations(route, field);
      make_canonical(route);
      check_unique(route, i, seen);
      for (const std::string& name : policies)
        if (const Value* policy = route.find(name); policy != nullptr && policy->is_object())
          check_durations(*policy, field + "." + name);
      if (const Value* upstream = route.find("upstream")) use_upstream(*upstream, field + ".upstream", used);
      if (const Value* upstream = canary_upstream(route)) use_upstream(*upstream, field + ".canary.upstream", used);
      warn_of_split_sessions(route, field);
    }
    for (const Value& listener : instance_.list("listener"))
      if (const Value* upstream = listener.find("upstream")) used.insert(upstream->as_string());
    warn_of_unused(used);
    check_document_size(instance_.spec,
                        [&](const Value& at, const std::string& field, const std::string& what, size_t most) {
                          error("too-many", at, field, fmt::format("{} in all are too many: at most {}", what, most),
                                "divide them among several instances");
                        });
  }

  /// A canary that is drawn anew for each request takes its client away from the server of its session.
  void warn_of_split_sessions(const Value& route, const std::string& field) {
    const Value *own = route.find("upstream"), *other = canary_upstream(route);
    if (own == nullptr || other == nullptr || route.at("canary").find("by") != nullptr) return;
    const int64_t percent = route.at("canary").at("percent").as_int();
    if (percent == 0 || percent == 100) return;  // nothing is drawn
    for (const Value& upstream : instance_.list("upstream")) {
      const std::string& name = upstream.at("name").as_string();
      if (upstream.find("sticky") == nullptr || (name != own->as_string() && name != other->as_string())) continue;
      return warning("split-session", route.at("canary"), field + ".canary",
                     fmt::format("upstream '{}' is sticky, and this canary is drawn anew for each request", name),
                     "add by = \"client\", or the cookie or header that names users");
    }
  }

  void use_upstream(const Value& upstream, const std::string& field, std::set<std::string>& used) {
    used.insert(upstream.as_string());
    if (!known_upstreams_.contains(upstream.as_string())) unknown_upstream(upstream, field);
  }

  void check_unique(const Value& route, size_t index, std::map<std::string, size_t>& seen) {
    for (const std::string& key : route_keys(route)) {
      const auto [first, fresh] = seen.emplace(key, index);
      if (fresh || first->second == index) continue;  // a host that stands twice in one route is told already
      const bool more = route.find("methods") != nullptr || route.find("headers") != nullptr;
      const std::string host = key.substr(0, key.find('/'));
      return error(
          "duplicate", route, fmt::format("route[{}]", index),
          fmt::format("host '{}' and path '{}'{} stand already in route[{}]", host.empty() ? "any" : host,
                      route.at("path").as_string(), more ? " with these methods and headers" : "", first->second),
          "keep one of the two");
    }
  }

  void unknown_upstream(const Value& upstream, std::string field) {
    const auto near = nearest(upstream.as_string(), upstreams_);
    std::string hint =
        upstreams_.empty() ? "add [[upstream]] name = " + to_json(upstream) : "one of " + join(upstreams_, ", ");
    if (near) hint = "did you mean \"" + *near + "\"?";
    error("unknown-upstream", upstream, std::move(field),
          fmt::format("there is no upstream '{}'", upstream.as_string()), hint);
  }

  void warn_of_unused(const std::set<std::string>& used) {
    const auto& upstreams = instance_.list("upstream");
    for (size_t i = 0; i < upstreams.size(); ++i)
      if (!used.contains(upstreams[i].at("name").as_string()))
        warning("unused-upstream", upstreams[i].at("name"), fmt::format("upstream[{}]", i),
                fmt::format("no route and no listener uses upstream '{}'", upstreams[i].at("name").as_string()),
                "add a [[route]] for it, or take it out");
    if (instance_.list("route").empty() && instance_.spec.find("source") == nullptr && has_http(instance_))
      warning("no-route", instance_.spec.at("name"), "route", "there is no route: every request is answered 404",
              "add [[route]] upstream = \"NAME\"");
  }

  Instance& instance_;
  const NameRules& rules_;
  Diagnostics& found_;
  Diagnostics later_;
  std::vector<std::string> upstreams_;
  std::set<std::string> known_upstreams_;
};

void Meaning::check_name_parts() {
  const Value& name = instance_.spec.at("name");
  const NameCheck checked = check_name(name.as_string(), rules_);
  for (const NameFault& fault : checked.faults) {
    Value at = name;
    if (at.place.line != 0) at.place.col += static_cast<uint32_t>(fault.offset) + 1;  // past the quote
    const std::string hint = checked.suggestion.empty() ? "for example \"prd_payment_001_8080\""
                                                        : "did you mean \"" + checked.suggestion + "\"?";
    error("bad-name", at, "name", fault.part + " " + fault.text, hint);
  }
  if (checked.name) instance_.name = *checked.name;
}

std::string addresses_text(const Value& item, const std::string& field) {
  const Value* listeners = item.find(field);
  if (listeners == nullptr) return "-";
  std::vector<std::string> all;
  for (const Value& l : listeners->items())
    all.push_back(fmt::format("{}:{}", l.at("address").as_string(), l.at("port").as_int()));
  return join(all, ",");
}

}  // namespace

Kind instance_kind() {
  return {"Instance",
          "instances",
          Kind::Lives::in_process,
          {{"UPSTREAMS", "upstream", count_text},
           {"ROUTES", "route", count_text},
           {"CONFIRM", "confirm_seconds_left", confirm_text},
           {"HEALTH", "findings", findings_text},
           {"ADDRESS", "listener", addresses_text, Column::Shown::wide},
           {"PID", "pid", pid_text, Column::Shown::wide},
           {"LABELS", "labels", labels_text, Column::Shown::wide},
           {"NOTES", "remark", words_text, Column::Shown::wide}},
          nullptr,
          check_instances};
}

std::optional<Instance> make_instance(Manifest manifest, const Fleet* fleet, Diagnostics& found) {
  Instance instance;
  instance.source = std::move(manifest.source);
  if (fleet != nullptr) instance.given = fleet->defaults;
  const auto line = [&](uint32_t n) { return line_of(instance.source.text, n); };
  const Schema& schema = Schema::get("instance");
  Diagnostics faults;
  const bool readable = schema.check(manifest.document, instance.source.file, line, faults) != Fit::unfit;
  const Value* name = manifest.document.find("name");
  // the name's own check says which part is wrong, so it replaces the schema's word on it
  if (name != nullptr && name->is_string())
    std::erase_if(faults, [](const Diagnostic& d) { return d.field == "name"; });

  static const NameRules common;
  Meaning meaning(instance, fleet == nullptr ? common : fleet->rules, faults);
  if (readable) {
    meaning.check_written(manifest.document);
    instance.spec = schema.with_defaults(instance.given ? merged(instance.given->values.placeless(), manifest.document)
                                                        : std::move(manifest.document));
    meaning.check();
  } else if (name != nullptr && name->is_string()) {
    instance.spec = std::move(manifest.document);
    meaning.check_name_parts();  // the rest of the meaning needs every type to be right
  }
  const bool valid = !has_errors(faults);
  if (!faults.empty())
    hide_secret_lines(instance.source.file, instance.spec.is_null() ? manifest.document : instance.spec, schema.root(),
                      faults);
  found.insert(found.end(), std::make_move_iterator(faults.begin()), std::make_move_iterator(faults.end()));
  if (!valid) return std::nullopt;
  return instance;
}

}  // namespace orctl
