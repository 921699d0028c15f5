#include "answer/names.h"

#include <fmt/format.h>

namespace orctl {

Value name_item(const std::string& text, const NameCheck& checked) {
  Value item = Value::object();
  item.set("name", text);
  item.set("valid", checked.name.has_value());
  if (!checked.suggestion.empty()) item.set("suggestion", checked.suggestion);
  return item;
}

Diagnostics name_faults(const std::string& text, const NameCheck& checked) {
  Diagnostics out;
  for (const NameFault& fault : checked.faults) {
    Diagnostic d{Severity::error, "bad-name", "", {}, "", fmt::format("'{}': {} {}", text, fault.part, fault.text)};
    d.hint =
        checked.suggestion.empty() ? "for example prd_payment_001_8080" : "did you mean '" + checked.suggestion + "'?";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace orctl
