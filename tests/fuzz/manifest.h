#pragma once
#include "fuzz.h"
#include "kind/instance/instance.h"
#include "nginx/config.h"
#include "render/nginx_conf.h"

namespace orctl::fuzz {

/// Every line of a unit is empty, a comment, a section or a key with a value, and harmless.
inline void require_unit(std::string_view unit) {
  while (!unit.empty()) {
    const std::string line = take_line(unit);
    const size_t equals = line.find('=');
    const bool key = equals != std::string::npos && equals > 0 &&
                     line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == equals;
    require(line.empty() || line[0] == '#' || line[0] == '[' || key, "a line of a unit is key = value");
    require(is_harmless(line), "a unit has no control characters");
  }
}

/// A tree as nginx reads it: a literal `$` has become a variable that holds one.
inline nginx::Config as_read(nginx::Config config) {
  for (nginx::Directive& d : config) {
    for (nginx::Arg& arg : d.args) {
      for (size_t at = arg.text.find('$'); !arg.variables && at != std::string::npos; at = arg.text.find('$', at + 1))
        arg.text.replace(at, 1, "${orctl_dollar}");
      arg.variables = true;
    }
    d.block = as_read(std::move(d.block));
  }
  return config;
}

/// What holds for every instance that was accepted (security bars S1 and S4): nginx reads the directives that were
/// meant, no line of the unit is another than was meant, the gateway document is JSON.
inline void require_rendered(const Instance& instance) {
  Target target;
  const Value& nginx = instance.spec.at("nginx");
  if (const Value* binary = nginx.find("binary")) target.binary = binary->as_string();
  if (const Value* user = nginx.find("user")) target.user = target.group = user->as_string();
  const Layout layout("/");
  const nginx::Config meant = nginx_conf(instance, {}, target, layout, std::string(64, '0'));
  require(nginx::parse(nginx::write(meant)) == as_read(meant), "nginx.conf has the directives that were meant");
  require_unit(render_unit(instance, target, layout));
  const std::string document = render_document(instance);
  Diagnostics found;
  require(read_json({"gateway.json", document}, found).has_value(), "the gateway document is JSON");
}

/// Reads a manifest as `orctl validate` does, up to what it renders.
inline void try_manifest(const std::string& file, std::string_view text) {
  Diagnostics found;
  auto manifest = read_manifest({file, std::string(text)}, found);
  if (manifest && manifest->kind == "Fleet") make_fleet(*manifest, found);
  std::optional<Instance> instance;
  if (manifest && manifest->kind == "Instance") instance = make_instance(std::move(*manifest), nullptr, found);
  require_told(found);
  require(!instance || !has_errors(found), "an instance has no errors");
  if (!instance) return require(!found.empty() || manifest, "what is refused has a fault");
  require_rendered(*instance);
  Diagnostics again;
  auto spec = read_manifest({"spec.json", to_json(instance->spec, 1)}, again);
  const auto same = spec ? make_instance(std::move(*spec), nullptr, again) : std::nullopt;
  require(same && same->spec == instance->spec, "a spec is a manifest that means the same");
}

}  // namespace orctl::fuzz
