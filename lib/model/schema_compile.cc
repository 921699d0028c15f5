// Schemas from their JSON: the constructor of model/schema.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/text.h"
#include "model/embedded.h"
#include "model/pattern.h"
#include "model/read.h"
#include "model/schema.h"

namespace orctl {
namespace {

Impact impact_from(const std::string& name) {
  for (Impact i : {Impact::none, Impact::hot, Impact::reload, Impact::restart})
    if (to_string(i) == name) return i;
  throw std::logic_error("schema: unknown x-impact " + name);
}

std::vector<std::string> strings(const Value& v) {
  if (v.is_string()) return {v.as_string()};
  std::vector<std::string> all;
  for (const Value& item : v.items()) all.push_back(item.as_string());
  return all;
}

Value parsed(const std::string& json) {
  Diagnostics found;
  auto document = read_json({"schema.json", json}, found);
  if (!document) throw std::logic_error("schema: " + found[0].text);
  return std::move(*document);
}

}  // namespace

/// Turns a schema's JSON into nodes; what a $ref names is compiled in place, with the members beside the $ref on top.
class SchemaCompiler {
 public:
  SchemaCompiler(Value document, Schema& schema) : schema_(schema) { files_.emplace("", std::move(document)); }

  const Schema::Node* compile() { return compile({&files_.at(""), ""}, {Impact::reload, false}); }

 private:
  /// A piece of JSON, and the file that it stands in; "" is the schema's own.
  struct Source {
    const Value* value;
    std::string home;
  };

  /// What a node has of the one that it stands in.
  struct Inherited {
    Impact impact;
    bool secret;
  };
  static Inherited given_by(const Schema::Node& node) { return {node.impact, node.secret}; }

  const Schema::Node* compile(const Source& source, Inherited inherited) {
    schema_.nodes_.push_back(std::make_unique<Schema::Node>());
    Schema::Node& node = *schema_.nodes_.back();
    node.impact = inherited.impact;
    // before what is in it is compiled, which may be a definition
    node.secret = inherited.secret || source.value->find("x-secret") != nullptr;
    if (const Value* ref = source.value->find("$ref")) read(target(ref->as_string(), source.home), node);
    read(source, node);
    node.lends = node.authority != Authority::none || is_within(node, &Schema::Node::lends);
    node.holds_secret = node.secret || is_within(node, &Schema::Node::holds_secret);
    return &node;
  }

  /// Whether `mark` is set of something that stands in `node`.
  static bool is_within(const Schema::Node& node, bool Schema::Node::*mark) {
    const auto one = [&](const Schema::Node* n) { return n != nullptr && n->*mark; };
    return one(node.additional) || one(node.items) ||
           std::any_of(node.properties.begin(), node.properties.end(), [&](const auto& p) { return one(p.node); });
  }

  /// The order of policies is one list: each stands in it, and nothing else does.
  static void check_policies(const Schema::Node& node, const Source& source) {
    const auto says = [&](const char* keyword) { return source.value->find(keyword) != nullptr; };
    // the list stands where the fields do
    if (says("x-fields-of") || (!says("properties") && !says("x-policies"))) return;
    for (const std::string& name : node.policies)
      if (const Schema::Node* field = node.property(name); field == nullptr || field->phases.empty())
        throw std::logic_error("schema: x-policies names " + name + ", which is no field with x-phase");
    for (const auto& p : node.properties)
      if (!p.node->phases.empty() && std::count(node.policies.begin(), node.policies.end(), p.name) != 1)
        throw std::logic_error("schema: policy " + p.name + " must stand once in x-policies, which orders them");
  }

  const Value& file(const std::string& name) {
    const auto known = files_.find(name);
    if (known != files_.end()) return known->second;
    const auto embedded = embedded_schemas().find("schemas/" + name);
    if (embedded == embedded_schemas().end()) throw std::logic_error("schema: there is no file " + name);
    return files_.emplace(name, parsed(std::string(embedded->second))).first->second;
  }

  /// What "FILE#/A/B" names. Of what is taken from another file, a definition is the schema's own where it has one of
  /// that name.
  Source target(const std::string& ref, std::string home) {
    const size_t hash = ref.find('#');
    if (hash == std::string::npos) throw std::logic_error("schema: unknown $ref " + ref);
    std::vector<std::string> steps = split(ref.substr(hash + 1), '/');
    steps.erase(steps.begin());
    const Value* own = files_.at("").find("definitions");
    if (hash > 0)
      home = ref.substr(0, hash);
    else if (own != nullptr && steps.size() == 2 && steps[0] == "definitions" && own->find(steps[1]) != nullptr)
      home.clear();
    const Value* value = &file(home);
    for (const std::string& step : steps)
      if (value = value->is_object() ? value->find(step) : nullptr; value == nullptr)
        throw std::logic_error("schema: unknown $ref " + ref);
    return {value, home};
  }

  void read(const Source& source, Schema::Node& node) {
    if (const Value* impact = source.value->find("x-impact")) node.impact = impact_from(impact->as_string());
    if (source.value->find("x-secret") != nullptr) node.secret = true;
    read_properties(source, node);
    for (const auto& [key, v, place] : source.value->members()) read_keyword(key, v, source.home, node);
    check_policies(node, source);
  }

  /// The properties that x-fields-of takes over, but for those that stand in the schema itself, and then these.
  void read_properties(const Source& source, Schema::Node& node) {
    const Value* own = source.value->find("properties");
    if (const Value* ref = source.value->find("x-fields-of")) {
      const Source taken = target(ref->as_string(), source.home);
      for (const auto& p : taken.value->at("properties").members()) {
        if (own == nullptr || own->find(p.key) == nullptr)
          node.properties.push_back({p.key, compile({&p.value, taken.home}, given_by(node))});
      }
    }
    if (own == nullptr) return;
    for (const auto& p : own->members())
      if (!(p.value == Value(false)))
        node.properties.push_back({p.key, compile({&p.value, source.home}, given_by(node))});
  }

  void read_keyword(const std::string& key, const Value& v, const std::string& home, Schema::Node& node) {
    if (key == "type")
      node.types = strings(v);
    else if (key == "description")
      node.description = v.as_string();
    else if (key == "additionalProperties" && v.is_bool())
      node.closed = !v.as_bool();
    else if (key == "additionalProperties")
      node.additional = compile({&v, home}, given_by(node));
    else if (key == "propertyNames")
      node.property_names = compile({&v, home}, {node.impact, false});  // names are no secrets
    else if (key == "required")
      node.required = strings(v);
    else if (key == "items")
      node.items = compile({&v, home}, given_by(node));
    else if (key == "enum")
      node.choices = v.items();
    else if (key == "pattern")
      set_pattern(v.as_string(), node);
    else if (key == "default")
      node.default_value = v.placeless(), node.has_default = true;
    else if (key == "examples")
      node.examples = v.items();
    else if (!read_limit(key, v, node) && !read_mark(key, v, node))
      throw std::logic_error("schema: keyword not supported: " + key);
  }

  static bool read_limit(const std::string& key, const Value& v, Schema::Node& node) {
    if (key == "minimum")
      node.minimum_value = v, node.minimum = &node.minimum_value;
    else if (key == "maximum")
      node.maximum_value = v, node.maximum = &node.maximum_value;
    else if (key == "minLength")
      node.min_length = v.as_int();
    else if (key == "maxLength")
      node.max_length = v.as_int();
    else if (key == "minItems")
      node.min_items = v.as_int();
    else if (key == "maxItems")
      node.max_items = v.as_int();
    else
      return false;
    return true;
  }

  /// Keywords of our own, and those that say nothing of a value.
  static bool read_mark(const std::string& key, const Value& v, Schema::Node& node) {
    if (key == "x-key")
      node.key = strings(v);
    else if (key == "x-authority")
      node.authority = authority_from(v.as_string());
    else if (key == "x-policies")
      node.policies = strings(v);
    else if (key == "x-phase")
      for (const std::string& name : strings(v)) node.phases.insert(phase_from(name));
    else
      return key == "$schema" || key == "title" || key == "definitions" || key == "$ref" || key == "x-impact" ||
             key == "x-secret" || key == "$id" || key == "properties" || key == "x-fields-of";
    return true;
  }

  static void set_pattern(const std::string& text, Schema::Node& node) {
    node.pattern_text = text;
    node.pattern = std::make_shared<Schema::Node::Pattern>(text);
  }

  Schema& schema_;
  std::map<std::string, Value> files_;
};

Schema::Schema(const std::string& json) { root_ = SchemaCompiler(parsed(json), *this).compile(); }

Schema::~Schema() = default;

}  // namespace orctl
