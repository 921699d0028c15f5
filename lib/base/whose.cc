#include "base/whose.h"

namespace orctl {
namespace {

bool is_of_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

}  // namespace

bool is_named(std::string_view text, std::string_view name) {
  for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool begins = at == 0 || (!is_of_word(text[at - 1]) && text[at - 1] != '/' && text[at - 1] != '.');
    if (begins && (end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

Error named(const Error& error, const std::string& name) {
  return name.empty() || is_named(error.what(), name) ? error : error.within(name);
}

}  // namespace orctl
