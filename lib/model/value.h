#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace orctl {

/// Where something stands in its source; line and column count from 1, the column in characters.
/// line 0 means "nowhere": a default, or a value the program made.
struct Place {
  uint32_t line = 0;
  uint32_t col = 0;
};

/// A document tree: what TOML and JSON have in common, each node with its place.
/// Equality is of content; places do not count. Members keep their order.
class Value {
 public:
  struct Member;
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value();
  // defined in value.cc: they are large, and inlined everywhere they cost more to compile than they gain
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  Value(bool b);
  Value(int i);
  Value(int64_t i);
  Value(size_t i);
  Value(double d);
  Value(const char* s);
  Value(std::string s);
  Value(std::string_view s);
  Value(Array a);
  Value(Object o);

  static Value array();
  static Value object();

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_double() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }

  // The caller knows the type (the schema check has passed); a wrong guess throws std::bad_variant_access.
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const { return std::get<int64_t>(data_); }
  double as_double() const { return is_int() ? static_cast<double>(as_int()) : std::get<double>(data_); }
  const std::string& as_string() const { return std::get<std::string>(data_); }
  const Array& items() const { return std::get<Array>(data_); }
  Array& items() { return std::get<Array>(data_); }
  const Object& members() const { return std::get<Object>(data_); }
  Object& members() { return std::get<Object>(data_); }

  /// The member `key` of an object; nullptr when there is none or this is no object.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// The member `key`, which must be there.
  const Value& at(std::string_view key) const;
  /// Sets member `key`, replacing it where it stands or adding it at the end.
  Value& set(std::string_view key, Value value);
  void push(Value value);

  /// The same without places: it stands in no file of the user's at hand.
  Value placeless() const;

  /// "null", "boolean", "integer", "number", "string", "array", "object", as JSON Schema has it.
  std::string_view type_name() const;

  bool operator==(const Value& other) const;

  Place place;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> data_;
};

struct Value::Member {
  std::string key;
  Value value;
  Place key_place{};
  bool operator==(const Member& o) const { return key == o.key && value == o.value; }
};

// Here, where Member is complete: a vector of it cannot be built or destroyed before.
inline Value::Value() = default;
inline Value::Value(bool b) : data_(b) {}
inline Value::Value(int i) : data_(static_cast<int64_t>(i)) {}
inline Value::Value(int64_t i) : data_(i) {}
inline Value::Value(size_t i) : data_(static_cast<int64_t>(i)) {}
inline Value::Value(double d) : data_(d) {}
inline Value::Value(const char* s) : data_(std::string(s)) {}
inline Value::Value(std::string s) : data_(std::move(s)) {}
inline Value::Value(std::string_view s) : data_(std::string(s)) {}
inline Value::Value(Array a) : data_(std::move(a)) {}
inline Value::Value(Object o) : data_(std::move(o)) {}

inline Value Value::array() { return Value(Array{}); }
inline Value Value::object() { return Value(Object{}); }
inline void Value::push(Value value) { items().push_back(std::move(value)); }

inline bool Value::operator==(const Value& other) const { return data_ == other.data_; }

/// JSON text of `value`; members in their order. indent 0 gives one line without blanks.
/// Bytes that are not UTF-8 are written as U+FFFD, so the result is always valid JSON.
std::string to_json(const Value& value, int indent = 0);

}  // namespace orctl
