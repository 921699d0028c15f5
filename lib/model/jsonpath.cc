#include "model/jsonpath.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/jsonpath_tree.h"

namespace orctl {
namespace {

using namespace jsonpath;
using Found = std::vector<const Value*>;

constexpr size_t most_steps = 5'000'000;  // "..*..*..*" of a large document would go on for years

class Walk {
 public:
  explicit Walk(const Value& root) : root_(root) {}

  Found along(const Path& path, const Value& here) {
    Found now{path.from_root ? &root_ : &here};
    for (const Step& step : path.steps) {
      Found next;
      for (const Value* value : now)
        if (step.descend)
          descend(*value, next);
        else
          for (const Selector& selector : step.selectors)
            std::visit([&](const auto& s) { select(s, *value, next); }, selector);
      now = std::move(next);
    }
    return now;
  }

  void write(const std::vector<Node>& nodes, const Value& here, std::string& out) {
    for (const Node& node : nodes) {
      count();
      if (const auto* text = std::get_if<std::string>(&node.what)) {
        out += *text;
        continue;
      }
      const Found found = along(std::get<Path>(node.what), here);
      bool first = true;
      for (const Value* value : found) {
        if (node.range) {
          write(node.below, *value, out);
          continue;
        }
        if (!first) out += ' ';
        first = false;
        out += printable_line(plain_text(*value));
      }
    }
  }

 private:
  void count() {
    if (++steps_ > most_steps)
      throw Error(Exit::usage, fmt::format("the path goes over more than {} values", most_steps),
                  "name the members instead of ..");
  }
  void add(const Value& value, Found& to) {
    count();
    to.push_back(&value);
  }
  void descend(const Value& value, Found& to) {
    add(value, to);
    each_child(value, [&](const Value& child) { descend(child, to); });
  }
  template <class Each>
  void each_child(const Value& value, Each each) {
    if (value.is_object())
      for (const auto& m : value.members()) each(m.value);
    if (value.is_array())
      for (const Value& item : value.items()) each(item);
  }

  void select(const Name& name, const Value& value, Found& to) {
    if (const Value* member = value.find(name.text)) add(*member, to);
  }
  void select(const Every&, const Value& value, Found& to) {
    each_child(value, [&](const Value& child) { add(child, to); });
  }
  void select(const Index& index, const Value& value, Found& to) {
    if (!value.is_array()) return;
    const auto size = static_cast<int64_t>(value.items().size());
    const int64_t at = index.at < 0 ? index.at + size : index.at;
    if (at >= 0 && at < size) add(value.items()[static_cast<size_t>(at)], to);
  }
  void select(const Slice& slice, const Value& value, Found& to) {
    if (!value.is_array()) return;
    const auto size = static_cast<int64_t>(value.items().size());
    const auto place = [&](int64_t at) { return std::clamp(at < 0 ? at + size : at, int64_t{0}, size); };
    const int64_t from = place(slice.from.value_or(0)), end = slice.to ? place(*slice.to) : size;
    for (int64_t at = from; at < end; at += slice.step) {
      add(value.items()[static_cast<size_t>(at)], to);
      if (slice.step >= end - at) break;
    }
  }
  void select(const std::shared_ptr<const Filter>& filter, const Value& value, Found& to) {
    each_child(value, [&](const Value& child) {
      count();
      if (holds(*filter, child)) add(child, to);
    });
  }

  /// The operand's value; nullptr when it leads nowhere.
  const Value* value_of(const std::variant<Value, Path>& operand, const Value& here) {
    if (const auto* literal = std::get_if<Value>(&operand)) return literal;
    const Found found = along(std::get<Path>(operand), here);
    return found.empty() ? nullptr : found.front();
  }

  bool holds(const Filter& filter, const Value& here) {
    const Value* left = value_of(filter.left, here);
    if (filter.how == Compare::exists) return left != nullptr;
    const Value* right = value_of(filter.right, here);
    if (left == nullptr || right == nullptr) return false;
    return compare(*left, filter.how, *right);
  }

  static bool compare(const Value& left, Compare how, const Value& right) {
    const bool numbers = left.is_number() && right.is_number(), strings = left.is_string() && right.is_string();
    const bool equal = numbers ? left.as_double() == right.as_double() : left == right;
    if (how == Compare::equal) return equal;
    if (how == Compare::unequal) return !equal;
    if (!numbers && !strings) return false;
    const bool less = numbers ? left.as_double() < right.as_double() : left.as_string() < right.as_string();
    const bool at_most = how == Compare::at_most || how == Compare::at_least;
    if (equal) return at_most;
    return how == Compare::less || how == Compare::at_most ? less : !less;
  }

  const Value& root_;
  size_t steps_ = 0;
};

}  // namespace

std::string plain_text(const Value& value) { return value.is_string() ? value.as_string() : to_json(value); }

JsonTemplate::JsonTemplate(const std::string& text)
    : nodes_(std::make_shared<const std::vector<Node>>(parse_template(text))) {}

std::string JsonTemplate::write(const Value& root) const {
  std::string out;
  Walk(root).write(*nodes_, root, out);
  return out;
}

FieldPath::FieldPath(const std::string& text) : path_(std::make_shared<const Path>(parse_field_path(text))) {}

std::vector<const Value*> FieldPath::find(const Value& item) const { return Walk(item).along(*path_, item); }

}  // namespace orctl
