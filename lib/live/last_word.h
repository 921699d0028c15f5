#pragma once
#include <string>

namespace orctl {

/// What repeated looks found in the way: the cause that an answer told, and that no answer comes since. A look that
/// had less time than the others, as the last one before a deadline, hides neither.
class LastWord {
 public:
  /// Who answered told this; "" when it told nothing.
  void told(const std::string& cause);
  /// Nobody answered, for this reason.
  void silent(const std::string& why) { silence_ = why; }
  bool empty() const { return cause_.empty() && silence_.empty(); }
  std::string text() const;

 private:
  std::string cause_, silence_;
};

}  // namespace orctl
