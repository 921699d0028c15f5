#include "model/write_toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace orctl {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid)
      out += "\\uFFFD";
    else if (c.code == '"' || c.code == '\\')
      out += '\\', out += static_cast<char>(c.code);
    else if (c.code == '\n')
      out += "\\n";
    else if (c.code == '\t')
      out += "\\t";
    else if (is_control(c.code))
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c.code));
    else
      out += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return out + "\"";
}

std::string key_text(const std::string& key) {
  const bool bare = !key.empty() && key.find_first_not_of(
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789_-") == std::string::npos;
  return bare ? key : quoted(key);
}

std::string number_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  const std::string text = fmt::format("{}", d);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string inline_text(const Value& v) {
  if (v.is_string()) return quoted(v.as_string());
  if (v.is_double()) return number_text(v.as_double());
  if (!v.is_array() && !v.is_object()) return to_json(v);
  std::vector<std::string> parts;
  if (v.is_array()) {
    for (const Value& item : v.items())
      if (!item.is_null()) parts.push_back(inline_text(item));
    return "[" + join(parts, ", ") + "]";
  }
  for (const auto& m : v.members())
    if (!m.value.is_null()) parts.push_back(key_text(m.key) + " = " + inline_text(m.value));
  return parts.empty() ? "{}" : "{ " + join(parts, ", ") + " }";
}

bool is_list_of_tables(const Value& v) {
  return v.is_array() && !v.items().empty() &&
         std::all_of(v.items().begin(), v.items().end(), [](const Value& one) { return one.is_object(); });
}

/// Plain values first: what stands behind a head belongs to that table.
void write_table(const Value& object, const std::string& path, std::string& out) {
  for (const auto& m : object.members())
    if (!m.value.is_null() && !m.value.is_object() && !is_list_of_tables(m.value))
      out += key_text(m.key) + " = " + inline_text(m.value) + "\n";
  for (const auto& m : object.members()) {
    const std::string below = path.empty() ? key_text(m.key) : path + "." + key_text(m.key);
    if (m.value.is_object()) {
      out += fmt::format("\n[{}]\n", below);
      write_table(m.value, below, out);
    } else if (is_list_of_tables(m.value)) {
      for (const Value& one : m.value.items()) {
        out += fmt::format("\n[[{}]]\n", below);
        write_table(one, below, out);
      }
    }
  }
}

}  // namespace

std::string to_toml(const Value& object) {
  std::string out;
  write_table(object, "", out);
  return out;
}

}  // namespace orctl
