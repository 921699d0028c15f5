#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace orctl {

/// How a text may be read by whoever uses it.
struct View {
  enum class Kind { spelled, decoded };
  Kind kind;  ///< spelled: escapes, %41, joined strings; decoded: base64, hex, numbers of characters
  std::string text;
};

/// What one line becomes when its escapes (\n, \x41, \u0041, \65), its percent signs, its joined strings ("a" .. "b"),
/// its base64, its hex digits or its lists of character codes are read; twice over, and only what differs.
std::vector<View> views_of(std::string_view line);

/// Whether strings are joined anywhere in a text.
bool joins_strings(std::string_view text);

/// Strings that are joined over the ends of lines, as one text; each character's line (from 1) is in `lines`.
std::string joined_strings(std::string_view text, std::vector<uint32_t>& lines);

/// The bytes of base64, of either alphabet, up to what is none.
std::string from_base64(std::string_view word);

/// Whether base64 begins as the DER of a private key, of PKCS#12 or of an OpenSSH key does.
bool begins_as_key(std::string_view base64);

}  // namespace orctl
