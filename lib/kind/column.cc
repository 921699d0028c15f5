#include "kind/column.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace orctl {

std::string member_text(const Value& item, const std::string& field) {
  const Value* v = item.find(field);
  return v == nullptr || v->is_null() ? "-" : v->is_string() ? v->as_string() : to_json(*v);
}

std::string short_text(const Value& item, const std::string& field) {
  const Value* v = item.find(field);
  return v == nullptr || !v->is_string() || v->as_string().empty() ? "-" : v->as_string().substr(0, 12);
}

std::string count_text(const Value& item, const std::string& field) {
  const Value* v = item.find(field);
  return v == nullptr || !v->is_array() ? "-" : std::to_string(v->items().size());
}

std::string pid_text(const Value& item, const std::string& field) {
  const std::string text = member_text(item, field);
  return text == "0" ? "-" : text;
}

std::string labels_text(const Value& item, const std::string& field) {
  if (item.find("kind") == nullptr && item.find("listener") == nullptr) return "-";  // no manifest is known
  std::vector<std::string> all;
  if (const Value* labels = item.find(field))
    for (const auto& m : labels->members()) all.push_back(m.key + "=" + m.value.as_string());
  return all.empty() ? "<none>" : join(all, ",");
}

std::string findings_text(const Value& item, const std::string& field) {
  const Value* findings = item.find(field);
  if (findings == nullptr) return "-";
  std::vector<std::string> codes;
  for (const Value& one : findings->items())
    if (one.at("severity").as_string() != "note" &&
        std::find(codes.begin(), codes.end(), one.at("code").as_string()) == codes.end())
      codes.push_back(one.at("code").as_string());
  return codes.empty() ? "well" : join(codes, ",");
}

std::string words_text(const Value& item, const std::string& field) {
  const Value* said = item.find(field);
  return said == nullptr ? "" : said->as_string();
}

std::string confirm_text(const Value& item, const std::string& field) {
  const Value* left = item.find(field);
  if (left == nullptr) return "-";
  return left->as_int() == 0 ? "overdue" : span_text(std::chrono::seconds(left->as_int()));
}

}  // namespace orctl
