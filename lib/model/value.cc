#include "model/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "base/text.h"

namespace orctl {

namespace {

void append_escape(std::string& out, char32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 0xf];
}

void append_character(std::string& out, std::string_view text, const Character& c) {
  if (!c.valid) {
    out += "\xef\xbf\xbd";
    return;
  }
  switch (c.code) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  // JSON asks for C0 only; the others would act on the terminal of whoever reads the document there.
  if (is_control(c.code))
    append_escape(out, c.code);
  else
    out += text.substr(0, c.bytes);
}

void append_string(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
  out += '"';
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto plain = static_cast<size_t>(special - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Character c = first_character(text);
    append_character(out, text, c);
    text.remove_prefix(c.bytes);
  }
  out += '"';
}

void append_double(std::string& out, double d) {
  if (!std::isfinite(d)) {  // JSON has no word for these
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), d).ptr;
  const std::string_view text(digits.data(), static_cast<size_t>(end - digits.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";  // stays a double when read back
}

void append_break(std::string& out, int indent, int depth) {
  if (indent == 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

void append_json(std::string& out, const Value& value, int indent, int depth);

template <class List, class AppendOne>
void append_list(std::string& out, std::string_view brackets, const List& list, int indent, int depth, AppendOne one) {
  out += brackets[0];
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    append_break(out, indent, depth + 1);
    one(element);
  }
  if (!list.empty()) append_break(out, indent, depth);
  out += brackets[1];
}

void append_json(std::string& out, const Value& value, int indent, int depth) {
  if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_int()) {
    out += std::to_string(value.as_int());
  } else if (value.is_double()) {
    append_double(out, value.as_double());
  } else if (value.is_string()) {
    append_string(out, value.as_string());
  } else if (value.is_array()) {
    append_list(out, "[]", value.items(), indent, depth,
                [&](const Value& item) { append_json(out, item, indent, depth + 1); });
  } else if (value.is_object()) {
    append_list(out, "{}", value.members(), indent, depth, [&](const Value::Member& member) {
      append_string(out, member.key);
      out += indent == 0 ? ":" : ": ";
      append_json(out, member.value, indent, depth + 1);
    });
  } else {
    out += "null";
  }
}

}  // namespace

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

const Value* Value::find(std::string_view key) const {
  const auto* object = std::get_if<Object>(&data_);
  if (object == nullptr) return nullptr;
  const auto it = std::find_if(object->begin(), object->end(), [&](const Member& m) { return m.key == key; });
  return it == object->end() ? nullptr : &it->value;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

const Value& Value::at(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) throw std::out_of_range("no member " + std::string(key));
  return *value;
}

Value& Value::set(std::string_view key, Value value) {
  if (Value* old = find(key)) return *old = std::move(value);
  members().push_back({std::string(key), std::move(value)});
  return members().back().value;
}

Value Value::placeless() const {
  Value out = *this;
  out.place = {};
  if (is_array())
    for (Value& item : out.items()) item = item.placeless();
  if (is_object())
    for (Member& member : out.members()) member = {member.key, member.value.placeless(), {}};
  return out;
}

std::string_view Value::type_name() const {
  constexpr std::array<std::string_view, 7> names = {"null",   "boolean", "integer", "number",
                                                     "string", "array",   "object"};
  return names[data_.index()];
}

std::string to_json(const Value& value, int indent) {
  std::string out;
  append_json(out, value, indent, 0);
  return out;
}

}  // namespace orctl
