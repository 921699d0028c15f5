#include "cli/listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/jsonpath.h"
#include "model/selector.h"

namespace orctl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Runs of digits as the numbers that they are: 10.0.0.9 comes before 10.0.0.10.
int compare_natural(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (!is_digit(a[0]) || !is_digit(b[0])) {
      if (a[0] != b[0]) return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]) ? -1 : 1;
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    const auto run = [](std::string_view& text) {
      text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
      const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
      const std::string_view digits = text.substr(0, static_cast<size_t>(end - text.begin()));
      text.remove_prefix(digits.size());
      return digits;
    };
    const std::string_view left = run(a), right = run(b);
    if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
    if (const int order = left.compare(right); order != 0) return order;
  }
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

/// What sorts by itself: absent things first, then booleans, numbers, texts and the rest as JSON.
int rank(const Value* v) {
  if (v == nullptr || v->is_null()) return 0;
  return v->is_bool() ? 1 : v->is_number() ? 2 : v->is_string() ? 3 : 4;
}

bool is_before(const Value* a, const Value* b) {
  if (rank(a) != rank(b) || rank(a) == 0) return rank(a) < rank(b);
  if (a->is_number()) return a->as_double() < b->as_double();
  if (a->is_bool()) return !a->as_bool() && b->as_bool();
  return compare_natural(plain_text(*a), plain_text(*b)) < 0;
}

std::vector<Value> sorted(std::vector<Value> items, const std::string& field) {
  const FieldPath path(field);
  std::vector<std::pair<const Value*, size_t>> keys;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto found = path.find(items[i]);
    keys.emplace_back(found.empty() ? nullptr : found.front(), i);
  }
  if (!items.empty() && std::all_of(keys.begin(), keys.end(), [](const auto& key) { return key.first == nullptr; }))
    throw Error(Exit::usage, fmt::format("--sort-by: no item has a field '{}'", printable_line(field)),
                "-o json shows the fields of the items");
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return is_before(a.first, b.first); });
  std::vector<Value> out;
  for (const auto& key : keys) out.push_back(items[key.second]);
  return out;
}

}  // namespace

std::vector<Value> arranged(std::vector<Value> items, const ListFlags& flags) {
  if (!flags.field_selector.empty()) {
    const FieldSelector wanted(flags.field_selector);
    std::erase_if(items, [&](const Value& item) { return !wanted.matches(item); });
  }
  return flags.sort_by.empty() ? std::move(items) : sorted(std::move(items), flags.sort_by);
}

std::vector<bool> Watch::news(const std::vector<std::pair<std::string, std::string>>& now,
                              std::vector<std::string>& gone) {
  std::vector<bool> out;
  std::map<std::string, std::string> next;
  std::map<std::string, int> same;  // two of one name are told apart by their order
  for (const auto& [name, content] : now) {
    const std::string key = fmt::format("{}\n{}", name, same[name]++);
    const auto before = seen_.find(key);
    out.push_back(before == seen_.end() || before->second != content);
    next[key] = content;
  }
  for (const auto& [key, content] : seen_)
    if (!next.contains(key)) gone.push_back(key.substr(0, key.rfind('\n')));
  seen_ = std::move(next);
  return out;
}

bool Watch::is_news(const std::string& message) {
  said_now_.insert(message);
  return said_.insert(message).second;
}

void Watch::end_of_look() {
  said_ = std::move(said_now_);
  said_now_.clear();
}

}  // namespace orctl
