#include "answer/settings.h"

#include <fmt/format.h>

#include "base/text.h"

namespace orctl {
namespace {

/// A string, or a list of strings.
std::string toml_text(const Value& value) {
  if (!value.is_array()) return to_json(value);
  std::vector<std::string> items;
  for (const Value& item : value.items()) items.push_back(to_json(item));
  return "[" + join(items, ", ") + "]";
}

std::string line_of(const Value& item, const std::string& name, ShowOrigin show) {
  const std::string& origin = item.at("origin").as_string();
  const Value& value = item.at("value");
  if (value.is_null())
    return show == ShowOrigin::yes ? fmt::format("{:<40} # {}\n", "# " + name + " is not set", origin) : "";
  const std::string line = name + " = " + toml_text(value);
  return show == ShowOrigin::yes ? fmt::format("{:<40} # {}\n", line, origin) : line + "\n";
}

}  // namespace

Value::Array setting_items(const Config& config, const std::vector<Setting>& of_call) {
  std::vector<Setting> all = config.all();
  for (Setting& setting : all)
    for (const Setting& given : of_call)
      if (given.key == setting.key && given.origin != "default") setting = given;
  Value::Array out;
  for (const Setting& s : all)
    out.push_back(Value(Value::Object{{"key", s.key}, {"value", s.value}, {"origin", s.origin}}));
  return out;
}

std::string settings_text(const Value::Array& items, ShowOrigin show) {
  std::string out, table;
  for (const Value& item : items) {
    const std::string& key = item.at("key").as_string();
    const size_t dot = key.find('.');
    const std::string head = dot == std::string::npos ? "" : key.substr(0, dot);
    if (head != table) out += fmt::format("\n[{}]\n", head);
    table = head;
    out += line_of(item, dot == std::string::npos ? key : key.substr(dot + 1), show);
  }
  return out;
}

}  // namespace orctl
