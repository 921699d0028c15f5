#include "model/stored_spec.h"

#include <fmt/format.h>

#include <utility>

#include "model/name.h"
#include "model/schema.h"

namespace orctl {

namespace {

/// Checks a spec, which leaves its kind out, where it stands: a copy of a large one takes as long as the check.
Fit check_spec(Value& spec, Diagnostics& found) {
  const auto no_line = [](uint32_t) { return std::string(); };
  const Schema& schema = Schema::get("instance");
  Value* given = spec.find("kind");
  Value kind = given != nullptr ? std::exchange(*given, "Instance") : Value();
  if (given == nullptr) spec.set("kind", "Instance");
  const Fit fit = schema.check(spec, "spec.json", no_line, found);
  if (given == nullptr)
    spec.members().pop_back();
  else
    *given = std::move(kind);
  return fit;
}

}  // namespace

std::string fault_of_spec(Value& spec) {
  if (!spec.is_object()) return fmt::format("it must be an object, not of type {}", spec.type_name());
  Diagnostics found;
  const Fit fit = check_spec(spec, found);
  for (const Diagnostic& d : found)
    if (d.code != "unknown-field") return d.field.empty() ? d.text : d.field + ": " + d.text;
  if (fit == Fit::unfit) return "it has too many faults";
  if (!read_name(spec.at("name").as_string()))
    return fmt::format("name: '{}' is no name of an instance", spec.at("name").as_string());
  for (const char* field : {"layout", "nginx", "listener", "upstream", "route", "certificate"})
    if (spec.find(field) == nullptr) return fmt::format("{}: it is missing", field);
  return {};
}

}  // namespace orctl
