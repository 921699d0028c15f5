#include "answer/answer.h"

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

void Answer::fault(const Error& e) {
  remarks.push_back({Remark::Kind::error, e});
  if (first_ == Exit::ok) first_ = e.exit();
}

void Answer::warn(const std::string& message, const std::string& hint) {
  remarks.push_back({Remark::Kind::warning, Error(Exit::ok, message, hint)});
}

std::function<void(const Error&)> Answer::faults() {
  return [this](const Error& e) { fault(e); };
}

Value owned(Value owner, const Value& object) {
  const Value own = owner;
  for (const auto& m : object.members())
    if (own.find(m.key) == nullptr) owner.set(m.key, m.value);
  return owner;
}

}  // namespace orctl
