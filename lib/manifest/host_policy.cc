#include "manifest/host_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "manifest/load.h"
#include "manifest/overlay.h"
#include "model/host_rules.h"
#include "nginx/config.h"

namespace orctl {

namespace {

/// What `policy` says of one finding in the snippet at `path`; nothing where its risk covers a known directive.
std::optional<Diagnostic> judge(const nginx::Finding& f, const std::string& path, const Policy& policy) {
  const bool low = policy.risk == Policy::Risk::low;
  if (f.weight == nginx::Weight::risky && !low) return std::nullopt;
  Diagnostic d{Severity::error,
               "policy-risk",
               "",
               {},
               "files",
               fmt::format("{}:{}:{}: {}", path, f.line, f.col, f.text),
               f.hint,
               ""};
  if (f.weight == nginx::Weight::forbidden) return d;
  if (!low) {
    d.severity = Severity::warning;
    d.code = "unknown-directive";
    return d;
  }
  d.text += ", and the policy of this host has risk \"low\"";
  d.hint += fmt::format(
      "; or, if whoever writes these files may do what the workers may: risk = \"high\" under [policy] "
      "in {}",
      policy.file);
  return d;
}

/// Where a `listen` of nginx is: the address, and the first and last port; nullopt for a unix socket.
struct Place {
  std::string host;
  int64_t first = 80, last = 80;
};
std::optional<Place> place_of(const std::string& listen) {
  if (listen.starts_with("unix:")) return std::nullopt;
  Place out;
  const bool port_only = listen.find_first_not_of("0123456789-") == std::string::npos;
  const size_t bracket = listen.find(']'), colon = listen.find(':', bracket == std::string::npos ? 0 : bracket);
  out.host = port_only ? "*" : listen.substr(0, colon);
  const std::string ports = port_only ? listen : colon == std::string::npos ? "" : listen.substr(colon + 1);
  if (out.host == "*") out.host = "0.0.0.0";
  if (out.host == "localhost") out.host = "127.0.0.1";
  const size_t dash = ports.find('-');
  if (const auto first = parse_number(ports.substr(0, dash), 65535)) out.first = out.last = *first;
  if (dash != std::string::npos)
    if (const auto last = parse_number(ports.substr(dash + 1), 65535)) out.last = *last;
  return out;
}

/// Adds every `listen` of a snippet that is where instances of this host may not listen.
void check_listens(const nginx::Config& config, const std::string& path, const Policy& policy, Diagnostics& out) {
  for (const nginx::Directive& d : config) {
    check_listens(d.block, path, policy, out);
    if (d.name != "listen" || d.args.empty()) continue;
    const auto place = place_of(d.args.front().text);
    for (int64_t port = place ? place->first : 1; place && port <= place->last; ++port)
      if (const auto refusal = refuse_listen(place->host, port, policy)) {
        const std::string text =
            fmt::format("{}:{}:{}: \"{}\" {}", path, d.line, d.col, d.args.front().text, refusal->text);
        out.push_back({Severity::error, "policy-listen", "", {}, "files", text, refusal->hint, ""});
        break;
      }
  }
}

/// As on a host that says nothing.
bool may_listen_anywhere(const Policy& policy) {
  return std::any_of(policy.allow_listen.begin(), policy.allow_listen.end(),
                     [](const Endpoints& one) { return one.text == "any"; });
}

/// What the policy says of the snippets of an overlay, each directive at its place in them and at `files` of the
/// manifest.
Diagnostics check_snippets(const Instance& instance, const Tree& overlay, const Policy& policy) {
  Diagnostics out;
  const Value* folder = instance.spec.find("files");
  for (const auto& [path, file] : overlay) {
    if (!path.ends_with(".conf")) continue;
    Diagnostics found;
    for (const nginx::Finding& f : nginx::check_overlay(file.content))
      if (auto d = judge(f, path, policy)) found.push_back(std::move(*d));
    if (!may_listen_anywhere(policy)) try {
        check_listens(nginx::parse(file.content), path, policy, found);
      } catch (const nginx::Fault&) {
        // told by check_overlay
      }
    for (Diagnostic& d : found) {
      if (out.size() >= max_faults) break;
      d.file = instance.source.file;
      if (folder != nullptr) d.place = folder->place;
      if (d.place.line != 0) d.source_line = line_of(instance.source.text, d.place.line);
      out.push_back(std::move(d));
    }
  }
  return out;
}

Diagnostics check_all(const Instance& instance, const Tree& overlay, const Policy& policy) {
  Diagnostics found = check_policy(instance, overlay, policy);
  for (Diagnostic& d : check_snippets(instance, overlay, policy)) found.push_back(std::move(d));
  return found;
}

}  // namespace

void add_policy_faults(Manifests& manifests, const Policy& policy, Severity of_risk) {
  for (const Loaded& loaded : manifests.instances)
    for (Diagnostic& d : check_all(loaded.instance, loaded.overlay, policy)) {
      if (d.code == "policy-risk" || d.code == "policy-source") d.severity = of_risk;
      manifests.found.push_back(std::move(d));
    }
  for (const Object& object : manifests.objects)
    for (Diagnostic& d : check_policy(object, {}, policy)) manifests.found.push_back(std::move(d));
}

Manifests load_allowed(const std::vector<std::string>& files, Recurse recurse, const World& world,
                       const std::function<void(const Diagnostic&)>& report) {
  Manifests manifests = load(files, recurse, world);
  add_policy_faults(manifests, sound_config(world).policy, Severity::error);
  return valid_ones(std::move(manifests), report);
}

Diagnostics check_version(const Version& version, const std::string& name, const World& world) {
  const Policy policy = sound_config(world).policy;
  Diagnostics found;
  if (has_process(version.spec)) {
    Instance instance = as_instance(version.spec);
    instance.source.file = name;
    found = check_all(instance, overlay_of(version.tree), policy);
  } else {
    found = check_policy({version.spec, {name, ""}}, {}, policy);
  }
  std::erase_if(found, [](const Diagnostic& d) { return d.severity != Severity::error; });
  for (Diagnostic& d : found) {
    d.place = {};
    d.source_line.clear();
  }
  return found;
}

void require_allowed(const std::string& address, const std::string& subject, const World& world) {
  if (const auto refusal = refuse_address(address, sound_config(world).policy))
    throw Error(Exit::refused, fmt::format("{}: \"{}\" {}; nothing was changed", subject, address, refusal->text),
                refusal->hint);
}

void require_allowed(const Loaded& loaded, const World& world) {
  for (const Diagnostic& d : check_all(loaded.instance, loaded.overlay, sound_config(world).policy))
    if (d.severity == Severity::error)
      throw Error(Exit::refused,
                  fmt::format("{}: {}: {}; nothing was changed", loaded.instance.name.str(), d.field, d.text), d.hint);
}

}  // namespace orctl
