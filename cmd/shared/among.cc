#include "shared/among.h"

namespace orctl {

void Among::fault(const Error& e) {
  io_.error(e);
  if (first_ == Exit::ok) first_ = e.exit();
}

std::function<void(const Error&)> Among::unread() {
  return [this](const Error& e) { fault(e); };
}

}  // namespace orctl
