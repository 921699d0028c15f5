#include "cli/marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

#include "base/text.h"

namespace orctl {
namespace {

struct Paint {
  std::string_view name;
  char letter;
  std::string_view sequence;
};
constexpr std::array<Paint, 6> paints = {{{"red", 'r', "\x1b[31m"},
                                          {"green", 'g', "\x1b[32m"},
                                          {"yellow", 'y', "\x1b[33m"},
                                          {"bold", 'b', "\x1b[1m"},
                                          {"dim", 'd', "\x1b[2m"},
                                          {"", '0', "\x1b[0m"}}};

/// Starts the mark of a colour. Random, so that no text from outside can carry one: what is no mark is escaped.
const std::string& mark() {
  static const std::string made = fmt::format("<{:08x}{:08x}", std::random_device{}(), std::random_device{}());
  return made;
}

}  // namespace

std::string marked(const std::string& text, const char* colour) {
  for (const Paint& paint : paints)
    if (paint.name == colour) return mark() + paint.letter + text + mark() + '0';
  return text;
}

std::string without_marks(std::string text) {
  for (size_t at = text.find(mark()); at != std::string::npos; at = text.find(mark(), at))
    text.erase(at, mark().size() + 1);
  return text;
}

std::string marks_as_sequences(std::string text) {
  size_t at = 0;
  while ((at = text.find(mark(), at)) != std::string::npos) {
    const char letter = at + mark().size() < text.size() ? text[at + mark().size()] : '0';
    const auto paint = std::find_if(paints.begin(), paints.end(), [&](const Paint& p) { return p.letter == letter; });
    text.replace(at, mark().size() + 1, paint == paints.end() ? paints.back().sequence : paint->sequence);
  }
  return text;
}

std::string cut(const std::string& cell, size_t width) {
  const std::string plain = without_marks(cell);
  if (display_width(plain) <= width) return cell;
  std::string out;
  for (std::string_view rest = plain; !rest.empty();) {
    const std::string_view next = rest.substr(0, first_character(rest).bytes);
    if (display_width(out) + display_width(next) + 1 > width) break;
    out += next;
    rest.remove_prefix(next.size());
  }
  out += "…";
  if (!cell.starts_with(mark())) return out;
  return cell.substr(0, mark().size() + 1) + out + mark() + '0';
}

}  // namespace orctl
