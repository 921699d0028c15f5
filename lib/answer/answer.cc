#include "answer/answer.h"

namespace orctl {

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
