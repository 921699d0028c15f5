#include "model/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/syntax_error.h"

namespace orctl {

class LabelSelector::Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  std::vector<Condition> all() {
    std::vector<Condition> out;
    do out.push_back(one());
    while (take(','));
    if (at_ < text_.size())
      fault(at_, fmt::format("',' should stand before {}", quoted_rest()),
            "for example -l 'team=payments,env in (prd, stg),!old'");
    return out;
  }

 private:
  [[noreturn]] void fault(size_t at, const std::string& what, const std::string& hint = {}) const {
    throw syntax_error(text_, at, "the selector cannot be read: " + what, hint);
  }
  std::string quoted_rest() const { return "'" + printable_line(text_.substr(at_)) + "'"; }

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string word() {
    blanks();
    const size_t end = std::min(text_.find_first_of(" \t,()=!", at_), text_.size());
    std::string out = text_.substr(at_, end - at_);
    at_ = end;
    return out;
  }
  std::string key() {
    std::string out = word();
    if (out.empty()) fault(at_, "a label is missing", "for example -l team=payments");
    return out;
  }

  Condition one() {
    if (take('!')) return {key(), Test::absent, {}};
    Condition out{key(), Test::exists, {}};
    blanks();
    const size_t begin = at_;
    if (take('=')) {
      take('=');
      out.test = Test::in;
      out.values = {word()};
    } else if (take('!')) {
      if (!take('=')) fault(begin, "'!' stands before a label, or before '='");
      out.test = Test::not_in;
      out.values = {word()};
    } else if (const std::string how = word(); how == "in" || how == "notin") {
      out.test = how == "in" ? Test::in : Test::not_in;
      out.values = set();
    } else if (!how.empty()) {
      at_ = begin;
      fault(begin, fmt::format("{} is none of =, ==, !=, in and notin", quoted_rest()),
            "for example -l 'env in (prd, stg)'");
    }
    return out;
  }

  std::vector<std::string> set() {
    blanks();
    const size_t begin = at_;
    if (!take('(')) fault(begin, "a list in parentheses is missing", "for example -l 'env in (prd, stg)'");
    std::vector<std::string> values;
    do values.push_back(word());
    while (take(','));
    if (!take(')')) fault(begin, "'(' has no ')'");
    return values;
  }

  const std::string& text_;
  size_t at_ = 0;
};

LabelSelector::LabelSelector(const std::string& text) : conditions_(Parser(text).all()) {}

bool LabelSelector::matches(const Value* labels) const {
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& one) {
    const Value* label = labels == nullptr ? nullptr : labels->find(one.key);
    if (one.test == Test::exists || one.test == Test::absent) return (label != nullptr) == (one.test == Test::exists);
    const bool among =
        label != nullptr && std::find(one.values.begin(), one.values.end(), plain_text(*label)) != one.values.end();
    return among == (one.test == Test::in);
  });
}

namespace {

/// A condition of a field selector, taken apart: `path` and `value` without the backslashes that keep a sign from
/// being one.
struct Parts {
  std::string path, value;
  bool equal = true, compared = false;
};

Parts parts_of(const std::string& text, size_t& at) {
  Parts out;
  int brackets = 0;
  for (; at < text.size() && (text[at] != ',' || brackets > 0); ++at) {
    const char c = text[at];
    std::string& to = out.compared ? out.value : out.path;
    if (!out.compared) brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
    const bool sign = !out.compared && brackets <= 0 && (c == '=' || (c == '!' && text.compare(at, 2, "!=") == 0));
    if (out.compared && c == '\\' && at + 1 < text.size()) {
      to += text[++at];
    } else if (sign) {
      out.compared = true;
      out.equal = c == '=';
      if (text.compare(at, 2, out.equal ? "==" : "!=") == 0) ++at;
    } else {
      to += c;
    }
  }
  return out;
}

}  // namespace

FieldSelector::FieldSelector(const std::string& text) {
  for (size_t at = 0; at <= text.size(); ++at) {
    const size_t begin = at;
    const Parts parts = parts_of(text, at);
    if (!parts.compared)
      throw syntax_error(text, begin, "the field selector cannot be read: a field is compared by =, == or !=",
                         "for example --field-selector status=running");
    conditions_.push_back({FieldPath(parts.path), parts.equal, parts.value});
  }
}

bool FieldSelector::matches(const Value& item) const {
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& one) {
    const auto found = one.path.find(item);
    const bool equal = std::any_of(found.begin(), found.end(),
                                   [&](const Value* value) { return glob_match(one.value, plain_text(*value)); });
    // what is not there is an empty text
    return (found.empty() ? one.value.empty() : equal) == one.equal;
  });
}

}  // namespace orctl
