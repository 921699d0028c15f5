#include "model/masked.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/tree_paths.h"
#include "model/embedded.h"
#include "model/object.h"
#include "model/source_text.h"

namespace orctl {
namespace {

constexpr std::string_view kind_of_fingerprint = "sha256:";
constexpr size_t shown_digits = 12;

/// The node that describes a member of an object; nullptr where the schema knows none.
const Schema::Node* node_of(const Schema::Node& node, const std::string& member) {
  const Schema::Node* known = node.property(member);
  return known == nullptr ? node.additional : known;
}

/// What the gateway's document may hold. Beside the others of Schema::get, which every command compiles.
const Schema& document_schema() { return Schema::get("gateway"); }

/// Calls `see` for each secret of `value`, in the order of the document.
template <class See>
void each_secret(const Value& value, const Schema::Node& node, const See& see) {
  if (!node.holds_secret) return;
  if (value.is_object()) {
    for (const auto& m : value.members())
      if (const Schema::Node* known = node_of(node, m.key)) each_secret(m.value, *known, see);
  } else if (value.is_array() && node.items != nullptr) {
    for (const Value& item : value.items()) each_secret(item, *node.items, see);
  } else if (node.secret) {
    see(value);
  }
}

struct Replacement {
  size_t from, to;
  std::string text;
};

/// Where the secrets of `document` stand in `text`, with what takes their place.
std::vector<Replacement> replacements(const std::string& text, const Value& document, const Schema::Node& node) {
  std::vector<Replacement> out;
  each_secret(document, node, [&](const Value& secret) {
    const size_t at = offset_of(text, secret.place);
    if (at != std::string::npos && (text[at] == '"' || text[at] == '\''))
      out.push_back({at, string_end(text, at), to_json(Value(mask_of_value(secret)))});
  });
  std::sort(out.begin(), out.end(), [](const Replacement& a, const Replacement& b) { return a.from > b.from; });
  return out;
}

}  // namespace

std::string mask_of_fingerprint(std::string_view fingerprint) {
  return fmt::format("(secret, {})", fingerprint.substr(0, kind_of_fingerprint.size() + shown_digits));
}

std::string mask_of(std::string_view secret) {
  return mask_of_fingerprint(std::string(kind_of_fingerprint) + sha256(secret));
}

std::string mask_of_value(const Value& secret) {
  return mask_of(secret.is_string() ? secret.as_string() : to_json(secret));
}

Value masked(const Value& value, const Schema::Node& node) {
  if (!node.holds_secret) return value;
  Value out = value;
  if (out.is_object()) {
    for (auto& m : out.members())
      if (const Schema::Node* known = node_of(node, m.key))
        m.value = masked(m.value, *known);
      else if (node.secret)
        m.value = Value(mask_of_value(m.value));
  } else if (out.is_array() && node.items != nullptr) {
    for (Value& item : out.items()) item = masked(item, *node.items);
  } else if (node.secret && !out.is_null()) {
    out = Value(mask_of_value(out));
  }
  return out;
}

Value masked_spec(const Value& spec) { return masked(spec, schema_of(spec).root()); }

std::string without_secrets(std::string text, const Value& spec) {
  std::vector<std::string> secrets;
  each_secret(spec, schema_of(spec).root(), [&](const Value& secret) {
    secrets.push_back(secret.is_string() ? secret.as_string() : to_json(secret));
  });
  std::sort(secrets.begin(), secrets.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    const std::string mask = mask_of(secret);
    for (size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + mask.size()))
      text.replace(at, secret.size(), mask);
  }
  return text;
}

void hide_secret_lines(const std::string& file, const Value& document, const Schema::Node& node, Diagnostics& faults) {
  std::set<uint32_t> lines;
  each_secret(document, node, [&](const Value& secret) { lines.insert(secret.place.line); });
  for (Diagnostic& d : faults)
    if (d.file == file && lines.contains(d.place.line)) d.source_line.clear();
}

std::string masked_manifest(const Source& source) {
  if (source.text.starts_with(byte_order_mark))
    return std::string(byte_order_mark) + masked_manifest({source.file, source.text.substr(byte_order_mark.size())});
  Diagnostics faults;
  const auto document = read_document(source, faults);
  if (!document) return mask_of(source.text) + "\n";
  const Schema::Node& node = schema_of(*document).root();
  std::string text = source.text;
  for (const Replacement& r : replacements(text, *document, node)) text.replace(r.from, r.to - r.from, r.text);
  const auto read = read_document({source.file, text}, faults);
  return read && *read == masked(*document, node) ? text : mask_of(source.text) + "\n";
}

std::string masked_document(const std::string& text) {
  const Schema::Node& node = document_schema().root();
  Diagnostics faults;
  const auto document = read_json({tree_path::document, text}, faults);
  if (!document) return mask_of(text) + "\n";
  const Value shown = masked(*document, node);
  return shown == *document ? text : to_json(shown, 1) + "\n";
}

}  // namespace orctl
