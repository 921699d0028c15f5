// Of jsonpath_tree.h: the parser.
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "model/jsonpath_tree.h"
#include "model/syntax_error.h"

namespace orctl::jsonpath {
namespace {

constexpr int most_nested = 32;
constexpr std::string_view ends_name = " \t\n\r.[](){}<>=!,'\"$@?*:|&";

std::string utf8(unsigned code) {
  std::string out;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

class Parser {
 public:
  Parser(std::string_view shown, std::string_view text, size_t begin) : shown_(shown), text_(text), shift_(begin) {}

  std::vector<Node> whole() {
    std::vector<Node> nodes = sequence(0, 0);
    return nodes;
  }

  Path lone_path() {
    Path out = path(0);
    blanks();
    if (!done()) fault(at_, "here the path should end");
    return out;
  }

 private:
  [[noreturn]] void fault(size_t at, const std::string& what, const std::string& hint = {}) const {
    const size_t place = at + shift_;
    throw syntax_error(shown_, place > shown_.size() ? shown_.size() : place, what, hint);
  }

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(std::string_view what) {
    if (!text_.substr(std::min(at_, text_.size())).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void blanks() {
    while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  /// A word of its own: "range", "end".
  bool take_word(std::string_view word) {
    const size_t before = at_;
    if (take(word) && (done() || ends_name.find(peek()) != std::string_view::npos)) return true;
    at_ = before;
    return false;
  }

  /// Text and braces up to the end, or up to {end} of the range that began at `opened`.
  std::vector<Node> sequence(int depth, size_t opened) {
    std::vector<Node> nodes;
    for (;;) {
      if (!inside_) {
        const size_t brace = std::min(text_.find('{', at_), text_.size());
        if (brace > at_) nodes.push_back({std::string(text_.substr(at_, brace - at_)), false, {}});
        at_ = brace;
        if (done()) break;
        brace_ = at_++;
        inside_ = true;
      }
      blanks();
      if (done()) fault(brace_, "'{' has no '}'");
      if (take("}")) {
        inside_ = false;
      } else if (const size_t word = at_; take_word("end")) {
        if (depth == 0) fault(word, "'end' without a range before it");
        return nodes;
      } else {
        nodes.push_back(node(depth));
      }
    }
    if (depth > 0) fault(opened, "this range has no {end}");
    return nodes;
  }

  Node node(int depth) {
    const size_t begin = at_;
    if (peek() == '"' || peek() == '\'') return {quoted(), false, {}};
    if (take_word("range")) {
      if (depth >= most_nested) fault(begin, fmt::format("ranges lie more than {} deep", most_nested));
      blanks();
      Node range{path(0), true, {}};
      range.below = sequence(depth + 1, begin);
      return range;
    }
    return {path(0), false, {}};
  }

  Path path(int depth) {
    Path out;
    const size_t begin = at_;
    if (take("$"))
      out.from_root = true;
    else if (!take("@") && peek() != '.' && peek() != '[')
      fault(at_, done() ? "a path is missing" : "a path begins with '.', '[', '$' or '@'",
            "for example {.items[*].name}");
    while (!done()) {
      if (take("..")) {
        out.steps.push_back({true, {}});
        if (peek() == '[') continue;
        out.steps.push_back(dotted());
      } else if (take(".")) {
        if (peek() == '[') continue;
        // "." alone is the value at hand
        if (out.steps.empty() && (done() || peek() == '}' || peek() == ' ' || peek() == ')') && at_ == begin + 1) break;
        out.steps.push_back(dotted());
      } else if (peek() == '[') {
        out.steps.push_back(bracket(depth));
      } else {
        break;
      }
    }
    return out;
  }

  Step dotted() {
    if (take("*")) return {false, {Every{}}};
    std::string name;
    const size_t begin = at_;
    while (!done()) {
      if (peek() == '\\' && at_ + 1 < text_.size())
        ++at_;
      else if (ends_name.find(peek()) != std::string_view::npos)
        break;
      name += text_[at_++];
    }
    if (at_ == begin) fault(at_, "a name is missing behind '.'", "a name with other characters: ['a b']");
    return {false, {Name{std::move(name)}}};
  }

  Step bracket(int depth) {
    const size_t begin = at_++;
    Step step;
    for (;;) {
      blanks();
      if (done()) fault(begin, "'[' has no ']'");
      step.selectors.push_back(selector(depth, begin));
      blanks();
      if (take("]")) return step;
      if (!take(",")) fault(done() ? begin : at_, done() ? "'[' has no ']'" : "']' or ',' should stand here");
    }
  }

  Selector selector(int depth, size_t bracket_at) {
    if (take("*")) return Every{};
    if (peek() == '\'' || peek() == '"') return Name{quoted()};
    if (take("?(")) return filter(depth, bracket_at);
    const size_t begin = at_;
    Slice slice;
    slice.from = integer();
    if (!take(":")) {
      if (!slice.from) fault(begin, "an index, a slice, a name in quotes, * or ?(…) should stand here");
      return Index{*slice.from};
    }
    slice.to = integer();
    if (take(":"))
      if (const auto step = integer()) slice.step = *step;
    if (slice.step < 1) fault(begin, "the step of a slice is at least 1");
    return slice;
  }

  std::optional<int64_t> integer() {
    blanks();
    const char* from = text_.data() + at_;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(from, text_.data() + text_.size(), number);
    if (error == std::errc::result_out_of_range) fault(at_, "this number is too large");
    if (error != std::errc()) return std::nullopt;
    at_ += static_cast<size_t>(end - from);
    blanks();
    return number;
  }

  Selector filter(int depth, size_t begin) {
    if (depth >= most_nested) fault(begin, fmt::format("filters lie more than {} deep", most_nested));
    auto out = std::make_shared<Filter>();
    out->left = operand(depth + 1);
    blanks();
    out->how = comparison();
    if (out->how != Compare::exists) out->right = operand(depth + 1);
    blanks();
    if (!take(")")) fault(done() ? begin : at_, done() ? "'(' has no ')'" : "')' or a comparison should stand here");
    return std::shared_ptr<const Filter>(std::move(out));
  }

  Compare comparison() {
    constexpr std::pair<std::string_view, Compare> known[] = {{"==", Compare::equal},   {"!=", Compare::unequal},
                                                              {"<=", Compare::at_most}, {">=", Compare::at_least},
                                                              {"<", Compare::less},     {">", Compare::more}};
    for (const auto& [sign, how] : known)
      if (take(sign)) return how;
    if (peek() == '=') fault(at_, "'=' compares nothing", "write ==");
    return Compare::exists;
  }

  std::variant<Value, Path> operand(int depth) {
    blanks();
    if (peek() == '\'' || peek() == '"') return Value(quoted());
    if (take_word("true")) return Value(true);
    if (take_word("false")) return Value(false);
    if (take_word("null")) return Value();
    if (peek() == '-' || (peek() >= '0' && peek() <= '9')) return number();
    return path(depth);
  }

  Value number() {
    const char *from = text_.data() + at_, *end = text_.data() + text_.size();
    int64_t whole = 0;
    double part = 0;
    const auto as_int = std::from_chars(from, end, whole);
    const auto as_double = std::from_chars(from, end, part);
    if (as_double.ec != std::errc()) fault(at_, "this is no number");
    at_ += static_cast<size_t>(as_double.ptr - from);
    return as_int.ec == std::errc() && as_int.ptr == as_double.ptr ? Value(whole) : Value(part);
  }

  std::string quoted() {
    const size_t begin = at_;
    const char quote = text_[at_++];
    std::string out;
    while (!done() && peek() != quote) {
      const char c = text_[at_++];
      out += c == '\\' ? escaped(begin) : std::string(1, c);
    }
    if (done()) fault(begin, fmt::format("{} has no end", quote == '"' ? "'\"'" : "\"'\""));
    ++at_;
    return out;
  }

  std::string escaped(size_t begin) {
    if (done()) fault(begin, "a quoted text has no end");
    const size_t place = at_ - 1;
    const char c = text_[at_++];
    constexpr std::string_view letters = "ntrabfv0", bytes("\n\t\r\a\b\f\v\0", 8);
    if (const size_t known = letters.find(c); known != std::string_view::npos) return std::string(1, bytes[known]);
    if (c != 'u' && c != 'x') return std::string(1, c);
    const size_t digits = c == 'u' ? 4 : 2;
    unsigned code = 0;
    const std::string_view hex = text_.substr(at_, digits);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() != digits || error != std::errc() || end != hex.data() + hex.size())
      fault(place, fmt::format("\\{} takes {} hexadecimal digits", c, digits));
    at_ += digits;
    if (code >= 0xd800 && code <= 0xdfff) fault(place, "this is no character");
    return utf8(code);
  }

  std::string_view shown_;  ///< as the user wrote it
  std::string_view text_;
  size_t shift_;  ///< where text_ begins in shown_
  size_t at_ = 0, brace_ = 0;
  bool inside_ = false;  ///< of a brace
};

}  // namespace

std::vector<Node> parse_template(std::string_view text) {
  if (text.find('{') != std::string_view::npos) return Parser(text, text, 0).whole();
  return {Node{parse_field_path(std::string(text)), false, {}}};
}

Path parse_field_path(const std::string& text) {
  std::string_view inner = trim(text);
  if (inner.starts_with('{') && inner.ends_with('}') && inner.size() >= 2) inner = inner.substr(1, inner.size() - 2);
  inner = trim(inner);
  if (inner.empty()) throw syntax_error(text, 0, "a field is missing", "for example .name");
  const size_t begin = static_cast<size_t>(inner.data() - text.data());
  if (std::string_view(".[$@").find(inner[0]) != std::string_view::npos) return Parser(text, inner, begin).lone_path();
  const std::string dotted = "." + std::string(inner);
  return Parser(text, dotted, begin - 1).lone_path();  // one byte less: the dot is ours
}

}  // namespace orctl::jsonpath
