#include "model/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace orctl {

Error syntax_error(std::string_view text, size_t at, const std::string& fault, const std::string& hint) {
  constexpr size_t shown = 60;  // cells before and behind the place: the caret stays below it on every terminal
  at = std::min(at, text.size());
  const size_t from = at > shown ? at - shown : 0;
  const std::string before = printable_line(text.substr(from, at - from));
  const std::string behind = printable_line(text.substr(at, shown));
  return Error(Exit::usage,
               fmt::format("{}\n{}{}\n{}^", fault, before, behind, std::string(display_width(before), ' ')), hint);
}

}  // namespace orctl
