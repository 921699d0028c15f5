#include "model/origin.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/read.h"

namespace orctl {
namespace {

/// The value at "upstream[0].server[1].weight"; nullptr when there is none.
const Value* value_at(const Value& document, const std::string& field) {
  const Value* at = &document;
  for (const std::string& part : split(field, '.')) {
    const size_t bracket = std::min(part.find('['), part.size());
    at = at->find(part.substr(0, bracket));
    for (size_t open = bracket; at != nullptr && open < part.size(); open = part.find('[', open + 1)) {
      const auto index = parse_number(part.substr(open + 1, part.find(']', open) - open - 1), 1'000'000'000);
      if (!at->is_array() || !index || static_cast<size_t>(*index) >= at->items().size()) return nullptr;
      at = &at->items()[static_cast<size_t>(*index)];
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

/// What `field` stands in: of "a.b[0].c" it is "a.b[0]", then "a.b", then "a"; "" of that.
std::string table_of(const std::string& field) {
  const size_t end = field.find_last_of(".[");
  return end == std::string::npos ? "" : field.substr(0, end);
}

Place place_in(const Value& document, const std::string& field) {
  const Value* found = value_at(document, field);
  return found == nullptr ? Place{} : found->place;
}

void stand_in(const Source& source, Place place, Diagnostic& d) {
  d.file = source.file;
  d.place = place;
  if (place.line != 0) d.source_line = line_of(source.text, place.line);
}

}  // namespace

Diagnostic fault_of(const Object& object, Severity severity, const char* code, const Value& at, std::string field,
                    std::string text, std::string hint) {
  Diagnostic d;
  d.severity = severity, d.code = code, d.text = std::move(text), d.hint = std::move(hint);
  stand_in(object.source, at.place, d);
  for (std::string table = field; d.place.line == 0 && !table.empty(); table = table_of(table)) {
    if (const Place own = place_in(object.spec, table); own.line != 0) {
      stand_in(object.source, own, d);
    } else if (const Place common = object.given ? place_in(object.given->values, table) : Place{}; common.line != 0) {
      stand_in(object.given->source, common, d);
      field = "defaults." + field;
      d.text += fmt::format(" (for {})", object.spec.at("name").as_string());
    }
  }
  if (d.place.line == 0) stand_in(object.source, place_in(object.spec, "name"), d);
  d.field = std::move(field);
  return d;
}

}  // namespace orctl
