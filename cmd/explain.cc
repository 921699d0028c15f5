#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/command.h"
#include "model/host_rules.h"
#include "model/kinds.h"
#include "model/schema.h"

namespace orctl {
namespace {

struct Options {
  std::string field;
};

void flags(Flags& f, Options& o) {
  f.positional("FIELD", o.field,
               "kind, or kind.field.field, for example instance.upstream.server.weight; config is orctl's own")
      .required();
}

std::string type_of(const Schema::Node& node) {
  if (node.items != nullptr) return "list of " + type_of(*node.items);
  return node.types.empty() ? "any" : join(node.types, " or ");
}

std::string phases_of(const Schema::Node& node) {
  std::vector<std::string> all;
  for (const Phase phase : node.phases) all.emplace_back(to_string(phase));
  return join(all, ", ");
}

Value describe(const std::string& path, const Schema::Node& node) {
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
  return out;
}

std::string as_text(const Value& facts) {
  std::string out;
  for (const auto& m : facts.members()) {
    std::string name = m.key;
    for (char& c : name) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (m.key == "impact") name = "CHANGE IS";
    if (!(m.value == Value("")))
      out += fmt::format("{:<12} {}\n", name + ":", m.value.is_string() ? m.value.as_string() : to_json(m.value));
  }
  return out;
}

Error unknown(const std::string& path, const std::vector<std::string>& known, const std::string& last,
              const std::string& prefix) {
  const auto near = nearest(last, known);
  return Error(Exit::usage, "there is no field '" + path + "'",
               near ? "did you mean '" + prefix + *near + "'?" : "known here: " + join(known, ", "));
}

Exit run(const Options& o, const World&, Io& io) {
  io.kind("FieldDescription");
  std::vector<std::string> kinds, parts = split(o.field, '.');
  for (std::string kind : kind_names()) {
    std::transform(kind.begin(), kind.end(), kind.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    kinds.push_back(kind);
  }
  kinds.emplace_back("config");
  std::transform(parts[0].begin(), parts[0].end(), parts[0].begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::find(kinds.begin(), kinds.end(), parts[0]) == kinds.end()) throw unknown(o.field, kinds, parts[0], "");
  const Schema& schema = Schema::get(parts[0]);
  const Schema::Node* node = &schema.root();
  std::string path = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    while (node->items != nullptr) node = node->items;
    std::vector<std::string> known;
    for (const auto& p : node->properties) known.push_back(p.name);
    const Schema::Node* next = node->property(parts[i]);
    if (next == nullptr) throw unknown(o.field, known, parts[i], path + ".");
    node = next;
    path += "." + parts[i];
  }
  const Value facts = describe(path, *node);
  io.item(facts);
  io.print(as_text(facts));
  const Schema::Node* fields = node;
  while (fields->items != nullptr) fields = fields->items;
  if (!fields->properties.empty()) io.print("\nFIELDS:\n");
  for (const auto& p : fields->properties) {
    const bool required = std::find(fields->required.begin(), fields->required.end(), p.name) != fields->required.end();
    io.print(fmt::format("  {:<24} {}{}\n", p.name, type_of(*p.node),
                         required              ? ", required"
                         : p.node->has_default ? ", default " + to_json(p.node->default_value)
                                               : ""));
    io.print(fmt::format("  {:<24} {}\n", "", p.node->description));
  }
  return Exit::ok;
}

}  // namespace

Command explain_command() {
  return command<Options>({"explain",
                           "describe a field of a manifest or of the configuration",
                           {{"All fields of an instance", "orctl explain instance"},
                            {"One field", "orctl explain instance.upstream.server.weight"},
                            {"The configuration of orctl itself", "orctl explain config"}},
                           "Tells type, default, range, examples, and what changing the field costs a running "
                           "instance: none, hot, reload or restart.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
