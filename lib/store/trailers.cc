#include "store/trailers.h"

#include "base/text.h"

namespace orctl {

std::string line_value(const std::string& text, const std::string& key) {
  std::string found;
  for (const std::string& line : split(text, '\n'))
    if (line.starts_with(key + ": ")) found = line.substr(key.size() + 2);
  return found;
}

std::string trailer(const std::string& message, const std::string& key) {
  const std::string text(trim(message));
  const size_t paragraph = text.rfind("\n\n");
  return paragraph == std::string::npos ? "" : line_value(text.substr(paragraph), key);
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return std::string(trim(text));
}

}  // namespace orctl
