#include "engine/policy.h"

#include <fmt/format.h>

#include "engine/overlay.h"
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

/// What the policy says of the snippets of an overlay, each directive at its place in them and at `files` of the
/// manifest.
Diagnostics check_snippets(const Instance& instance, const Tree& overlay, const Policy& policy) {
  Diagnostics out;
  const Value* folder = instance.spec.find("files");
  for (const auto& [path, file] : overlay) {
    if (!path.ends_with(".conf")) continue;
    for (const nginx::Finding& f : nginx::check_overlay(file.content)) {
      auto d = judge(f, path, policy);
      if (!d || out.size() >= max_faults) continue;
      d->file = instance.source.file;
      if (folder != nullptr) d->place = folder->place;
      if (d->place.line != 0) d->source_line = line_of(instance.source.text, d->place.line);
      out.push_back(std::move(*d));
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
}

std::vector<Loaded> load_allowed(const std::vector<std::string>& files, Recurse recurse, const World& world,
                                 const std::function<void(const Diagnostic&)>& report) {
  Manifests manifests = load(files, recurse, world);
  add_policy_faults(manifests, sound_config(world).policy, Severity::error);
  return valid_ones(std::move(manifests), report);
}

Diagnostics check_version(const Version& version, const std::string& name, const World& world) {
  const Instance instance{known_name(version.spec.at("name").as_string()), version.spec, {name, ""}};
  Diagnostics found = check_all(instance, overlay_of(version.tree), sound_config(world).policy);
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
