#include "import/host_balancer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "model/address.h"
#include "model/read.h"
#include "model/schema.h"

namespace orctl {
namespace {

constexpr const char* default_name = "prd_balancer_001_8080";
constexpr size_t max_name = 64;
constexpr size_t max_duration = 9;  // characters, as schemas/instance.json has it

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_char(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

bool is_name(const std::string& text) {
  return text.size() <= max_name && is_letter(text[0]) && std::all_of(text.begin(), text.end(), is_name_char);
}

/// Names of upstreams for names of backends, as lua/orctl/document/compat.lua maps them: good ones stay, whatever comes
/// before.
std::map<std::string, std::string> upstream_names(const Value::Array& backends) {
  std::map<std::string, std::string> map;
  std::set<std::string> taken;
  for (const Value& backend : backends)
    if (const std::string& name = backend.at("backend_name").as_string(); is_name(name)) {
      map[name] = name;
      taken.insert(name);
    }
  for (const Value& backend : backends) {
    const std::string& name = backend.at("backend_name").as_string();
    if (map.contains(name)) continue;
    std::string base;
    for (const char c : name) base += is_name_char(lower(c)) ? lower(c) : '-';
    if (!is_letter(base[0])) base.insert(0, "b-");
    base.resize(std::min(base.size(), max_name));
    std::string mapped = base;
    for (int n = 2; taken.contains(mapped); ++n) {
      const std::string end = "-" + std::to_string(n);
      mapped = base.substr(0, max_name - end.size()) + end;
    }
    map[name] = mapped;
    taken.insert(mapped);
  }
  return map;
}

std::string bracketed(const std::string& host) {
  return host.find(':') != std::string::npos && host[0] != '[' ? "[" + host + "]" : host;
}

std::string address_of(const Value& server) {
  return fmt::format("{}:{}", bracketed(server.at("addr").as_string()), server.at("port").as_int());
}

/// "3s", "1500ms"; "" when no duration says it.
std::string duration(const Value& seconds) {
  const double exact = seconds.as_double() * 1000;
  const auto ms = static_cast<int64_t>(std::llround(exact));
  if (std::abs(static_cast<double>(ms) - exact) > 1e-6 || ms < 1) return {};
  const std::string text = ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
  return text.size() <= max_duration ? text : "";
}

std::string quoted(const std::string& text) { return to_json(Value(text)); }  // printable ASCII: TOML has it alike

class Importer {
 public:
  Importer(const Source& source, Diagnostics& found, const Policy& policy)
      : source_(source), found_(found), policy_(policy) {}

  std::optional<Value> read() {
    if (trim(source_.text).empty() || source_.text.find('\0') != std::string::npos || !is_utf8(source_.text)) {
      found_.push_back({Severity::error,
                        "not-text",
                        source_.file,
                        {},
                        "",
                        "this is no JSON text in UTF-8",
                        "a Host-header document is JSON: { \"backends\": [ … ], \"hosts\": [ … ] }",
                        ""});
      return std::nullopt;
    }
    auto document = read_json(source_, found_);
    if (!document) return std::nullopt;
    Diagnostics faults;
    const auto line = [&](uint32_t n) { return line_of(source_.text, n); };
    const bool readable = Schema::get("host_balancer").check(*document, source_.file, line, faults) != Fit::unfit;
    std::move(faults.begin(), faults.end(), std::back_inserter(found_));
    if (readable) check(*document);
    std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::pair(a.place.line, a.place.col) < std::pair(b.place.line, b.place.col);
    });
    if (has_errors(found_)) return std::nullopt;
    return document;
  }

  std::string manifest(const Value& document, const std::optional<Name>& name);

 private:
  void add(Severity severity, const char* code, const Value& at, std::string field, std::string text,
           std::string hint) {
    for (const Diagnostic& d : found_)  // what the schema has refused is not said twice
      if (d.field == field && d.code != code) return;
    found_.push_back({severity, code, source_.file, at.place, std::move(field), std::move(text), std::move(hint),
                      line_of(source_.text, at.place.line)});
  }

  void check(const Value& document) {
    std::map<std::string, size_t> names, hosts;
    const auto& backends = document.at("backends").items();
    for (size_t i = 0; i < backends.size(); ++i) {
      const Value& name = backends[i].at("backend_name");
      const std::string field = fmt::format("backends[{}]", i);
      if (const auto [first, fresh] = names.emplace(name.as_string(), i); !fresh)
        add(Severity::error, "duplicate", name, field + ".backend_name",
            fmt::format("backend '{}' stands here a second time", name.as_string()),
            fmt::format("merge it with backends[{}] or rename it", first->second));
      check_servers(backends[i].at("servers").items(), field);
      if (const Value* checks = backends[i].find("health_check")) check_seconds(*checks, field + ".health_check");
    }
    const auto& list = document.at("hosts").items();
    for (size_t i = 0; i < list.size(); ++i) {
      const Value &host = list[i].at("host"), &to = list[i].at("backend_name");
      std::string key = host.as_string();
      std::transform(key.begin(), key.end(), key.begin(), lower);
      if (const auto [first, fresh] = hosts.emplace(key, i); !fresh)
        add(Severity::error, "duplicate", host, fmt::format("hosts[{}].host", i),
            fmt::format("host '{}' stands already in hosts[{}]", host.as_string(), first->second),
            "keep one of the two");
      if (!names.contains(to.as_string())) unknown_backend(to, fmt::format("hosts[{}].backend_name", i), names);
    }
  }

  void unknown_backend(const Value& to, std::string field, const std::map<std::string, size_t>& names) {
    std::vector<std::string> known;
    for (const auto& [name, index] : names) known.push_back(name);
    const auto near = nearest(to.as_string(), known);
    add(Severity::error, "unknown-backend", to, std::move(field),
        fmt::format("there is no backend '{}'", to.as_string()),
        near ? "did you mean \"" + *near + "\"?" : "add it to backends, or take the host out");
  }

  void check_servers(const Value::Array& servers, const std::string& field) {
    std::set<std::string> seen;
    for (size_t i = 0; i < servers.size(); ++i) {
      const std::string address = address_of(servers[i]);
      const Value& addr = servers[i].at("addr");
      if (const auto fault = server_host_fault(bracketed(addr.as_string())); !fault.empty())
        add(Severity::error, "bad-address", addr, fmt::format("{}.servers[{}].addr", field, i),
            fmt::format("\"{}\" {}", addr.as_string(), fault), "for example \"10.0.0.1\" or \"2001:db8::1\"");
      else if (!seen.insert(canonical_address(address)).second)
        add(Severity::error, "duplicate", addr, fmt::format("{}.servers[{}]", field, i),
            fmt::format("server {} stands twice in this backend", address),
            "keep one, and give it the sum of the weights");
      else if (const auto refusal = refuse_host(bracketed(addr.as_string()), policy_))
        add(Severity::warning, "policy-address", addr, fmt::format("{}.servers[{}].addr", field, i),
            fmt::format("apply will refuse it here: \"{}\" {}", addr.as_string(), refusal->text), refusal->hint);
    }
  }

  void check_seconds(const Value& checks, const std::string& field) {
    for (const char* name : {"interval", "timeout"})
      if (const Value* v = checks.find(name); v != nullptr && duration(*v).empty())
        add(Severity::error, "bad-duration", *v, field + "." + name,
            fmt::format("{} seconds are no whole number of milliseconds that a manifest can say", to_json(*v)),
            "for example 3 or 1.5");
  }

  const Source& source_;
  Diagnostics& found_;
  const Policy& policy_;
};

/// The check of a backend as lines of TOML. What is absent is what the system that this document comes from took for
/// it.
std::string health_lines(const Value& checks) {
  const auto text = [&](const char* key, const char* otherwise) {
    const Value* v = checks.find(key);
    return v == nullptr ? std::string(otherwise) : v->is_string() ? v->as_string() : to_json(*v);
  };
  const auto span = [&](const char* key) {
    const Value* v = checks.find(key);
    return quoted(v == nullptr ? "1s" : duration(*v));
  };
  const std::string type = text("type", "tcp");
  std::string out = "\n[upstream.health]\n";
  if (type == "http") out += "# any 2xx or 3xx to a GET is good; before it was 200 to a HEAD\n";
  out += fmt::format("type = {}\n", quoted(type));
  if (checks.find("uri") != nullptr) out += fmt::format("path = {}\n", quoted(text("uri", "/")));
  out += fmt::format("interval = {}\ntimeout = {}\nrise = {}\nfall = {}\n", span("interval"), span("timeout"),
                     text("success", "1"), text("fail", "1"));
  return out;
}

std::string Importer::manifest(const Value& document, const std::optional<Name>& name) {
  const auto& backends = document.at("backends").items();
  const auto names = upstream_names(backends);
  const std::string file = source_.file == "-" ? "standard input" : source_.file.substr(source_.file.rfind('/') + 1);
  std::string out = fmt::format(
      "# From {} by `orctl import host-balancer`. Where something was decided, a comment says so.\n"
      "kind = \"Instance\"\nname = {}\n",
      printable_line(file), name ? quoted(name->str()) : quoted(default_name) + "  # not given; another: --name");
  std::set<std::string> used;
  for (const Value& host : document.at("hosts").items()) used.insert(host.at("backend_name").as_string());
  for (size_t i = 0; i < backends.size(); ++i) {
    const Value& before = backends[i].at("backend_name");
    const std::string& mapped = names.at(before.as_string());
    out += "\n[[upstream]]\n";
    if (mapped != before.as_string()) {
      out += fmt::format("# was {}; an upstream's name is a-z, then a-z, 0-9, _ and -\n", quoted(before.as_string()));
      add(Severity::warning, "renamed", before, fmt::format("backends[{}].backend_name", i),
          fmt::format("'{}' is named '{}' in the manifest", before.as_string(), mapped),
          "an upstream's name is a lower-case letter, then up to 63 of a-z, 0-9, _ and -");
    }
    if (!used.contains(before.as_string())) out += "# no host led to it\n";
    out += fmt::format("name = {}\nserver = [\n", quoted(mapped));
    for (const Value& server : backends[i].at("servers").items()) {
      const Value* weight = server.find("weight");
      out += fmt::format("  {{ address = {}{} }},\n", quoted(address_of(server)),
                         weight == nullptr ? "" : ", weight = " + to_json(*weight));
    }
    out += "]\n";
    const Value* checks = backends[i].find("health_check");
    if (checks == nullptr) continue;
    const Value* enable = checks->find("enable");
    if (enable != nullptr && enable->as_bool())
      out += health_lines(*checks);
    else
      out += "# its health_check was not enabled, and is left out\n";
  }
  for (const Value& host : document.at("hosts").items())
    out += fmt::format("\n[[route]]\nhost = {}\nupstream = {}\n", quoted(host.at("host").as_string()),
                       quoted(names.at(host.at("backend_name").as_string())));
  return out;
}

}  // namespace

std::optional<std::string> import_host_balancer(const Source& source, const std::optional<Name>& name,
                                                Diagnostics& found, const Policy& policy) {
  if (source.text.starts_with(byte_order_mark))
    return import_host_balancer({source.file, source.text.substr(byte_order_mark.size())}, name, found, policy);
  Importer importer(source, found, policy);
  const auto document = importer.read();
  if (!document) return std::nullopt;
  return importer.manifest(*document, name);
}

}  // namespace orctl
