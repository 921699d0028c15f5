#include "model/read.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace orctl {
namespace {

std::optional<Diagnostic> refuse_text(const Source& source) {
  Diagnostic d;
  d.file = source.file;
  const std::string& text = source.text;
  if (trim(text).empty()) {
    d.code = "empty";
    d.text = "the manifest is empty";
    d.hint = "begin with kind = \"Instance\" and name = \"env_module_seq_port\"; see: orctl explain instance";
    return d;
  }
  if (text.size() > max_manifest_bytes) {
    d.code = "too-large";
    d.text = fmt::format("the manifest has {} bytes; at most {} are read", text.size(), max_manifest_bytes);
    d.hint = "one manifest describes one instance; split it";
    return d;
  }
  if (text.find('\0') != std::string::npos || !is_utf8(text)) {
    d.code = "not-text";
    d.text = "this is not UTF-8 text";
    d.hint = "a manifest is TOML or JSON in UTF-8; is this the right file?";
    return d;
  }
  return std::nullopt;
}

}  // namespace

// A line that nobody could read anyway; each fault would carry a copy of it.
constexpr size_t longest_line_shown = 2000;

std::string line_of(const std::string& text, uint32_t line) {
  size_t start = 0;
  for (uint32_t n = 1; n < line; ++n) {
    start = text.find('\n', start);
    if (start == std::string::npos) return {};
    ++start;
  }
  const size_t end = std::min(text.find('\n', start), text.size());
  if (end - start > longest_line_shown) return {};
  std::string found = text.substr(start, end - start);
  if (!found.empty() && found.back() == '\r') found.pop_back();
  return found;
}

std::optional<Value> read_document(const Source& source, Diagnostics& found) {
  if (auto fault = refuse_text(source)) {
    found.push_back(std::move(*fault));
    return std::nullopt;
  }
  if (source.text.starts_with(byte_order_mark))
    return read_document({source.file, source.text.substr(byte_order_mark.size())}, found);
  const bool json = source.file.ends_with(".json") || (!source.file.ends_with(".toml") && trim(source.text)[0] == '{');
  std::optional<Value> root = json ? read_json(source, found) : read_toml(source, found);
  if (root && !root->is_object()) {
    found.push_back({Severity::error,
                     "wrong-type",
                     source.file,
                     {1, 1},
                     "",
                     "a manifest is one object",
                     "begin with { \"kind\": \"Instance\", … }",
                     line_of(source.text, 1)});
    return std::nullopt;
  }
  return root;
}

}  // namespace orctl
