// Of read.h: JSON.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/text.h"
#include "model/read.h"

namespace orctl {
namespace {

/// Walks the text and lets others see how far the parser has come; nlohmann's SAX events carry no position.
class Cursor {
 public:
  using difference_type = std::ptrdiff_t;
  using value_type = char;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;

  Cursor(const char* at, const char** seen) : at_(at), seen_(seen) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    if (seen_ != nullptr) *seen_ = at_;
    return *this;
  }
  bool operator==(const Cursor& o) const { return at_ == o.at_; }
  bool operator!=(const Cursor& o) const { return at_ != o.at_; }

 private:
  const char* at_;
  const char** seen_;
};

/// Turns positions that only grow into line and column without starting over.
class Lines {
 public:
  explicit Lines(const char* begin) : at_(begin) {}
  Place place(const char* where) {
    for (; at_ < where; ++at_) {
      if (*at_ == '\n') {
        ++here_.line;
        here_.col = 1;
      } else if ((static_cast<unsigned char>(*at_) & 0xc0) != 0x80) {
        ++here_.col;
      }
    }
    return here_;
  }

 private:
  const char* at_;
  Place here_{1, 1};
};

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(const Source& source, const char** seen, Diagnostics& found)
      : source_(source), begin_(source.text.data()), seen_(seen), lines_(begin_), found_(found) {}

  bool null() override { return put(Value(), literal_start()); }
  bool boolean(bool b) override { return put(Value(b), literal_start()); }
  bool number_integer(number_integer_t i) override { return put(Value(static_cast<int64_t>(i)), number_start()); }
  bool number_unsigned(number_unsigned_t u) override {
    if (u > static_cast<number_unsigned_t>(INT64_MAX)) return put(Value(static_cast<double>(u)), number_start());
    return put(Value(static_cast<int64_t>(u)), number_start());
  }
  bool number_float(number_float_t f, const string_t&) override { return put(Value(f), number_start()); }
  bool string(string_t& s) override { return put(Value(std::move(s)), string_start()); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value::object()); }
  bool start_array(std::size_t) override { return open(Value::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& k) override {
    key_place_ = lines_.place(string_start());
    if (is_known(k))
      return fail("duplicate-key", key_place_, "the key '" + k + "' stands here a second time", "keep one of the two");
    key_ = std::move(k);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    std::string text = e.what();
    if (const auto cut = text.find(": syntax error"); cut != std::string::npos) text.erase(0, cut + 2);
    if (const auto dash = text.find(" - "); dash != std::string::npos) text.erase(0, dash + 3);
    if (const auto last = text.find("; last read"); last != std::string::npos) text.erase(last);
    const size_t at = position == 0 ? 0 : std::min(position - 1, source_.text.size());
    return fail("syntax", Lines(begin_).place(begin_ + at), text,
                "write JSON (RFC 8259), or TOML in a file named *.toml");
  }

  Value take() { return std::move(root_); }

 private:
  /// Whether the object in hand has a member of this name. Most have a few, and no list of names is made of those.
  bool is_known(const std::string& key) {
    constexpr size_t few = 32;
    const Value::Object& members = stack_.back()->members();
    if (members.size() < few)
      return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.key == key; });
    auto& keys = seen_keys_.back();
    if (keys.empty())
      for (const Value::Member& member : members) keys.insert(member.key);
    return !keys.insert(key).second;
  }

  // The parser has just read a token; these walk back from there to its first character.
  const char* token_end() const { return *seen_; }
  const char* string_start() const {
    const char* p = token_end();
    while (p > begin_ && p[-1] != '"') --p;
    for (--p; p > begin_;) {
      --p;
      if (*p != '"') continue;
      size_t slashes = 0;
      while (p - slashes > begin_ && p[-static_cast<std::ptrdiff_t>(slashes) - 1] == '\\') ++slashes;
      if (slashes % 2 == 0) return p;
    }
    return p;
  }
  const char* number_start() const {
    const auto part = [](char c) {
      return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
    };
    const char* p = token_end();
    while (p > begin_ && !part(p[-1])) --p;
    while (p > begin_ && part(p[-1])) --p;
    return p;
  }
  const char* literal_start() const {
    const auto part = [](char c) { return c >= 'a' && c <= 'z'; };
    const char* p = token_end();
    while (p > begin_ && !part(p[-1])) --p;
    while (p > begin_ && part(p[-1])) --p;
    return p;
  }

  bool put(Value v, const char* start) {
    v.place = lines_.place(start);
    add(std::move(v));
    return true;
  }
  Value& add(Value v) {
    if (stack_.empty()) {
      root_ = std::move(v);
      return root_;
    }
    Value& parent = *stack_.back();
    if (parent.is_array()) {
      parent.items().push_back(std::move(v));
      return parent.items().back();
    }
    parent.members().push_back({std::move(key_), std::move(v), key_place_});
    return parent.members().back().value;
  }
  bool open(Value v) {
    const char* p = token_end();
    while (p > begin_ && p[-1] != '{' && p[-1] != '[') --p;
    v.place = lines_.place(p - 1);
    if (stack_.size() >= static_cast<size_t>(max_depth))
      return fail("too-deep", v.place, "nested deeper than " + std::to_string(max_depth) + " levels",
                  "no field needs that");
    Value& added = add(std::move(v));
    if (added.is_object()) added.members().reserve(usual_members);
    stack_.push_back(&added);
    seen_keys_.emplace_back();
    return true;
  }
  bool close() {
    stack_.pop_back();
    seen_keys_.pop_back();
    return true;
  }
  bool fail(const std::string& code, Place at, const std::string& text, const std::string& hint) {
    found_.push_back({Severity::error, code, source_.file, at, "", text, hint, line_of(source_.text, at.line)});
    return false;
  }

  static constexpr size_t usual_members = 4;

  const Source& source_;
  const char* begin_;
  const char** seen_;
  Lines lines_;
  Diagnostics& found_;
  Value root_;
  std::vector<Value*> stack_;  // a parent's items grow only while it is the last one here, so pointers hold
  std::vector<std::unordered_set<std::string>> seen_keys_;  // of each long object on the stack
  std::string key_;
  Place key_place_;
};

}  // namespace

std::optional<Value> read_json(const Source& source, Diagnostics& found) {
  const char* seen = source.text.data();
  Builder builder(source, &seen, found);
  const char* begin = source.text.data();
  const char* end = begin + source.text.size();
  if (!nlohmann::json::sax_parse(Cursor(begin, &seen), Cursor(end, nullptr), &builder)) return std::nullopt;
  return builder.take();
}

}  // namespace orctl
