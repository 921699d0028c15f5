#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "model/diagnostic.h"

/// What the targets have in common. A target is a function of bytes that ends the program when a property does not
/// hold; orctl::Error is an answer, any other exception a finding.
namespace orctl::fuzz {

/// Ends the program, so that libFuzzer keeps the input, when `holds` is false.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Calls `step`, for which refusing its input by an Error is right.
template <class Step>
void refusable(Step step) {
  try {
    step();
  } catch (const Error& e) {
    require(*e.what() != '\0', "an error says something");
  }
}

/// Takes the first line off `text`.
inline std::string take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// Whether a terminal shows all of `text` and acts on none of it (security bar S12).
inline bool is_harmless(std::string_view text) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid || (is_control(c.code) && c.code != '\n' && c.code != '\t')) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

/// Every fault has a text that a terminal can show.
inline void require_told(const Diagnostics& found) {
  for (const Diagnostic& d : found) {
    require(!d.text.empty() && !d.code.empty(), "a fault has a code and a text");
    require(is_harmless(to_text(d)), "a fault is harmless on a terminal");
    require(is_utf8(to_json(to_value(d))), "a fault is UTF-8 in JSON");
  }
}

}  // namespace orctl::fuzz
