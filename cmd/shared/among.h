#pragma once
#include <functional>

#include "cli/command.h"

namespace orctl {

/// Looks at one of many, and remembers how it went: a fault of one is told, and leaves the answers about the others.
class Among {
 public:
  explicit Among(Io& io) : io_(io) {}

  /// What `look` does counts as an answer, unless it throws.
  template <class Look>
  void each(Look look) {
    try {
      look();
      ++answers_;
    } catch (const Error& e) {
      stop_if_interrupted();
      fault(e);
    }
  }
  void fault(const Error& e);
  /// Takes the faults that select_instances() finds.
  std::function<void(const Error&)> unread();
  /// 0, or 6 when some could be told of and some not, or the first fault's own code when none could.
  Exit exit() const { return first_ == Exit::ok || answers_ == 0 ? first_ : Exit::partial; }

 private:
  Io& io_;
  size_t answers_ = 0;
  Exit first_ = Exit::ok;
};

}  // namespace orctl
