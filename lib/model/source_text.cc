#include "model/source_text.h"

#include <algorithm>

#include "base/text.h"

namespace orctl {

size_t offset_of(const std::string& text, Place place) {
  size_t at = 0;
  for (uint32_t line = 1; line < place.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return at;
    ++at;
  }
  for (uint32_t col = 1; col < place.col && at < text.size(); ++col)
    at += first_character(std::string_view(text).substr(at)).bytes;
  return place.line == 0 || at >= text.size() ? std::string::npos : at;
}

size_t string_end(const std::string& text, size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool lines = text.compare(at, 3, three) == 0;
  for (at += lines ? 3 : 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"')
      ++at;
    else if (lines ? text.compare(at, 3, three) == 0 : text[at] == quote)
      break;
  }
  if (!lines) return std::min(at + 1, text.size());
  at = std::min(at + 3, text.size());
  for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more)
    ++at;  // """a""""" ends in two of its own
  return at;
}

}  // namespace orctl
