#include "live/last_word.h"

namespace orctl {

void LastWord::told(const std::string& cause) {
  cause_ = cause;
  silence_.clear();
}

std::string LastWord::text() const {
  if (cause_.empty() || silence_.empty()) return cause_ + silence_;
  return cause_ + "; and then: " + silence_;
}

}  // namespace orctl
