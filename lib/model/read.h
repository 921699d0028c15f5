#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "model/diagnostic.h"
#include "model/value.h"

namespace orctl {

/// Larger manifests are refused; so is nesting deeper than max_depth.
inline constexpr size_t max_manifest_bytes = size_t{4} << 20;
inline constexpr int max_depth = 64;
/// What some editors put before a text; it is no part of it.
inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// The text of one manifest and the name that the user knows it by.
struct Source {
  std::string file;
  std::string text;
};

/// Reads TOML 1.0. A fault (toml++ stops at the first) is added to `found`, and nothing is returned.
std::optional<Value> read_toml(const Source& source, Diagnostics& found);

/// Reads JSON (RFC 8259); duplicate keys are faults, as in TOML.
std::optional<Value> read_json(const Source& source, Diagnostics& found);

/// Reads either: by the ending of the file's name, else JSON when the first character is `{`.
std::optional<Value> read_document(const Source& source, Diagnostics& found);

/// Line `line` (from 1) of `text`, without its end, for a caret; "" when there is none, or when it has more than 2,000
/// bytes.
std::string line_of(const std::string& text, uint32_t line);

}  // namespace orctl
