#include "model/stored_spec.h"

#include <fmt/format.h>

#include "model/name.h"
#include "model/object.h"

namespace orctl {

namespace {

/// Checks a spec where it stands, as a copy of a large one takes as long as the check. The oldest leave their kind out.
Fit check_spec(Value& spec, Diagnostics& found) {
  const bool has_kind = spec.find("kind") != nullptr;
  if (!has_kind) spec.set("kind", "Instance");
  const Fit fit = schema_of(spec).check(
      spec, "spec.json", [](uint32_t) { return std::string(); }, found);
  if (!has_kind) spec.members().pop_back();
  return fit;
}

}  // namespace

std::string fault_of_spec(Value& spec) {
  if (!spec.is_object()) return fmt::format("it must be an object, not of type {}", spec.type_name());
  if (const Value* kind = spec.find("kind"); kind != nullptr && !kind->is_string()) return "kind: it must be a string";
  Diagnostics found;
  const Fit fit = check_spec(spec, found);
  for (const Diagnostic& d : found)
    if (d.code != "unknown-field") return d.field.empty() ? d.text : d.field + ": " + d.text;
  if (fit == Fit::unfit) return "it has too many faults";
  if (kind_name_of(spec) != "Instance") return {};
  if (!read_name(spec.at("name").as_string()))
    return fmt::format("name: '{}' is no name of an instance", spec.at("name").as_string());
  for (const char* field : {"layout", "nginx", "listener", "upstream", "route", "certificate"})
    if (spec.find(field) == nullptr) return fmt::format("{}: it is missing", field);
  return {};
}

}  // namespace orctl
