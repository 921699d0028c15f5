#include "answer/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "kind/kind.h"
#include "model/host_rules.h"
#include "model/schema.h"

namespace orctl {
namespace {

std::string type_of(const Schema::Node& node) {
  if (node.items != nullptr) return "list of " + type_of(*node.items);
  return node.types.empty() ? "any" : join(node.types, " or ");
}

std::string phases_of(const Schema::Node& node) {
  std::vector<std::string> all;
  for (const Phase phase : node.phases) all.emplace_back(to_string(phase));
  return join(all, ", ");
}

const Schema::Node& without_lists(const Schema::Node& node) {
  const Schema::Node* at = &node;
  while (at->items != nullptr) at = at->items;
  return *at;
}

/// What lies directly below a field.
Value fields_below(const Schema::Node& node) {
  const Schema::Node& fields = without_lists(node);
  Value out = Value::array();
  for (const auto& p : fields.properties) {
    Value field = Value::object();
    field.set("name", p.name);
    field.set("type", type_of(*p.node));
    field.set("description", p.node->description);
    field.set("required", std::find(fields.required.begin(), fields.required.end(), p.name) != fields.required.end());
    if (p.node->has_default) field.set("default", p.node->default_value);
    out.push(std::move(field));
  }
  return out;
}

Value item_of(const std::string& path, const Schema::Node& node) {
  Value out = Value::object();
  out.set("field", path);
  out.set("type", type_of(node));
  out.set("description", node.description);
  out.set("impact", to_string(node.impact));
  if (!node.phases.empty()) out.set("phase", phases_of(node));
  if (const std::string keys = policy_keys(node.authority); !keys.empty()) out.set("held_against", keys);
  if (node.secret) out.set("secret", "shown as its fingerprint in plans, differences and JSON");
  if (node.has_default) out.set("default", node.default_value);
  if (!node.choices.empty()) out.set("choices", Value(node.choices));
  if (node.minimum != nullptr) out.set("minimum", *node.minimum);
  if (node.maximum != nullptr) out.set("maximum", *node.maximum);
  if (node.max_length >= 0) out.set("max_length", node.max_length);
  if (!node.pattern_text.empty()) out.set("pattern", node.pattern_text);
  if (!node.examples.empty()) out.set("examples", Value(node.examples));
  if (Value fields = fields_below(node); !fields.items().empty()) out.set("fields", std::move(fields));
  return out;
}

Error unknown(const std::string& path, const std::vector<std::string>& known, const std::string& last,
              const std::string& prefix) {
  const auto near = nearest(last, known);
  return Error(Exit::absent, "there is no field '" + path + "'",
               near ? "did you mean '" + prefix + *near + "'?" : "known here: " + join(known, ", "));
}

std::string label_of(const std::string& key) {
  if (key == "impact") return "CHANGE IS";
  std::string label = key;
  for (char& c : label) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return label;
}

std::string text_below(const Value& fields) {
  std::string out = "\nFIELDS:\n";
  for (const Value& field : fields.items()) {
    const Value* standard = field.find("default");
    out += fmt::format("  {:<24} {}{}\n", field.at("name").as_string(), field.at("type").as_string(),
                       field.at("required").as_bool() ? ", required"
                       : standard != nullptr          ? ", default " + to_json(*standard)
                                                      : "");
    out += fmt::format("  {:<24} {}\n", "", field.at("description").as_string());
  }
  return out;
}

}  // namespace

Value field_item(const std::string& path) {
  std::vector<std::string> words, parts = split(path, '.');
  for (const Kind& kind : kinds()) words.push_back(kind.word());
  words.emplace_back("config");
  parts[0] = lower(parts[0]);
  if (std::find(words.begin(), words.end(), parts[0]) == words.end()) throw unknown(path, words, parts[0], "");
  const Schema::Node* node = &Schema::get(parts[0]).root();
  std::string found = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    const Schema::Node& fields = without_lists(*node);
    std::vector<std::string> known;
    for (const auto& p : fields.properties) known.push_back(p.name);
    node = fields.property(parts[i]);
    if (node == nullptr) throw unknown(path, known, parts[i], found + ".");
    found += "." + parts[i];
  }
  return item_of(found, *node);
}

std::string field_text(const Value& item) {
  std::string out;
  for (const auto& m : item.members())
    if (m.key != "fields" && !(m.value == Value("")))
      out += fmt::format("{:<12} {}\n", label_of(m.key) + ":",
                         m.value.is_string() ? m.value.as_string() : to_json(m.value));
  const Value* fields = item.find("fields");
  return fields == nullptr ? out : out + text_below(*fields);
}

}  // namespace orctl
