#include "model/stored_spec.h"

#include <fmt/format.h>

#include "model/name.h"
#include "model/object.h"

namespace orctl {

std::string fault_of_spec(const Value& spec) {
  if (!spec.is_object()) return fmt::format("it must be an object, not of type {}", spec.type_name());
  Value document = spec;
  if (spec.find("kind") == nullptr) document.set("kind", "Instance");  // the oldest specs leave it out
  if (!document.at("kind").is_string()) return "kind: it must be a string";
  Diagnostics found;
  const Fit fit = schema_of(document).check(
      document, "spec.json", [](uint32_t) { return std::string(); }, found);
  for (const Diagnostic& d : found)
    if (d.code != "unknown-field") return d.field.empty() ? d.text : d.field + ": " + d.text;
  if (fit == Fit::unfit) return "it has too many faults";
  if (kind_name_of(document) != "Instance") return {};
  if (!read_name(spec.at("name").as_string()))
    return fmt::format("name: '{}' is no name of an instance", spec.at("name").as_string());
  for (const char* field : {"layout", "nginx", "listener", "upstream", "route", "certificate"})
    if (spec.find(field) == nullptr) return fmt::format("{}: it is missing", field);
  return {};
}

}  // namespace orctl
