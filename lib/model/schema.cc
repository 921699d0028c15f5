#include "model/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

#include "base/text.h"
#include "model/embedded.h"
#include "model/masked.h"
#include "model/pattern.h"

namespace orctl {

std::string_view to_string(Impact impact) {
  switch (impact) {
    case Impact::none:
      return "none";
    case Impact::hot:
      return "hot";
    case Impact::reload:
      return "reload";
    case Impact::restart:
      return "restart";
    case Impact::start:
      return "start";
    case Impact::stop:
      return "stop";
  }
  return "none";
}

namespace {

constexpr std::pair<Authority, std::string_view> authorities[] = {
    {Authority::none, "none"},
    {Authority::host, "host"},
    {Authority::instance, "instance"},
    {Authority::name, "name"},
    {Authority::binary, "binary"},
    {Authority::user, "user"},
    {Authority::layout, "layout"},
    {Authority::overlay, "overlay"},
    {Authority::code, "code"},
    {Authority::connect, "connect"},
    {Authority::source, "source"},
    {Authority::secret_file, "secret_file"},
    {Authority::certificate_file, "certificate_file"},
    {Authority::listen, "listen"},
    {Authority::admin_listen, "admin_listen"},
};

}  // namespace

Authority authority_from(std::string_view name) {
  for (const auto& [value, known] : authorities)
    if (known == name) return value;
  throw std::logic_error("schema: unknown x-authority " + std::string(name));
}

namespace {

constexpr std::pair<Phase, std::string_view> phases[] = {
    {Phase::rewrite, "rewrite"},
    {Phase::access, "access"},
    {Phase::balancer, "balancer"},
    {Phase::header_filter, "header_filter"},
};

}  // namespace

std::string_view to_string(Phase phase) {
  for (const auto& [value, name] : phases)
    if (value == phase) return name;
  return "";
}

Phase phase_from(std::string_view name) {
  for (const auto& [value, known] : phases)
    if (known == name) return value;
  throw std::logic_error("schema: unknown x-phase " + std::string(name));
}

namespace {

/// One walk over one document; knows the way to where it is.
class Checker {
 public:
  Checker(const std::string& file, const std::function<std::string(uint32_t)>& line, Diagnostics& found)
      : file_(file), line_(line), found_(found), most_(found.size() + max_faults) {}

  void check(const Value& v, const Schema::Node& node) {
    if (!type_fits(v, node)) return;
    if (!node.choices.empty() && std::find(node.choices.begin(), node.choices.end(), v) == node.choices.end())
      not_a_choice(v, node);
    if (v.is_string()) check_string(v, node);
    if (v.is_number()) check_number(v, node);
    if (v.is_array()) check_array(v, node);
    if (v.is_object()) check_object(v, node);
  }

  Fit fit() const { return fit_; }

 private:
  void add(const char* code, Place place, std::string text, std::string hint, Fit fit = Fit::typed) {
    fit_ = std::max(fit_, fit);
    if (found_.size() >= most_) return;
    found_.push_back({Severity::error, code, file_, place, path_, std::move(text), std::move(hint),
                      place.line == 0 ? "" : line_(place.line)});
  }

  bool type_fits(const Value& v, const Schema::Node& node) {
    if (node.types.empty()) return true;
    for (const std::string& t : node.types) {
      if (v.type_name() == t || (t == "number" && v.is_int())) return true;
      if (t == "integer" && v.is_double() && v.as_double() == static_cast<double>(whole(v.as_double()))) return true;
    }
    std::string hint = example(node);
    if (v.is_string() && node.types[0] == "integer" && parse_number(v.as_string(), 1000000000))
      hint = "write the number without quotes";
    if (node.types[0] == "array" && v.is_object()) hint = "write it as a list: [[" + path_ + "]]";
    add("wrong-type", v.place,
        fmt::format("must be {}, not {}", with_article(join(node.types, " or ")),
                    with_article(std::string(v.type_name()))),
        hint, Fit::unfit);
    return false;
  }

  static std::string with_article(const std::string& type) {
    return (std::string("aeio").find(type[0]) != std::string::npos ? "an " : "a ") + type;
  }
  static std::string example(const Schema::Node& node) {
    if (node.examples.empty()) return {};
    std::vector<std::string> all;
    for (const Value& e : node.examples) all.push_back(to_json(e));
    return "for example " + join(all, " or ");
  }
  static std::string shown(const Value& v, const Schema::Node& node) {
    if (node.secret) return mask_of_value(v);
    std::string text = to_json(v);
    if (text.size() > 80) text = text.substr(0, 77) + "...";
    return text;
  }

  void not_a_choice(const Value& v, const Schema::Node& node) {
    std::vector<std::string> all, plain;
    for (const Value& c : node.choices) {
      all.push_back(to_json(c));
      if (c.is_string()) plain.push_back(c.as_string());
    }
    std::string hint = "one of " + join(all, ", ");
    if (v.is_string())
      if (const auto near = nearest(v.as_string(), plain)) hint = "did you mean \"" + *near + "\"?";
    add("not-a-choice", v.place, fmt::format("{} is not known here", shown(v, node)), hint);
  }

  void check_string(const Value& v, const Schema::Node& node) {
    const std::string& s = v.as_string();
    const auto length = static_cast<int64_t>(characters(s));
    if (node.max_length >= 0 && length > node.max_length)
      return add("too-long", v.place, fmt::format("has {} characters; at most {} are allowed", length, node.max_length),
                 example(node));
    if (length < node.min_length)
      return add("too-short", v.place,
                 fmt::format("has {} characters; at least {} are needed", length, node.min_length), example(node));
    if (node.pattern && !node.pattern->matches(s)) {
      std::string hint = example(node);
      if (hint.empty()) hint = "it must match " + node.pattern_text;
      add("bad-value", v.place, fmt::format("{} is not valid here", shown(v, node)), hint);
    }
  }

  void check_number(const Value& v, const Schema::Node& node) {
    const auto limit = [](const Value* a, const Value* b) {
      return fmt::format("use {} to {}", to_json(*a), to_json(*b));
    };
    const bool low = node.minimum != nullptr && v.as_double() < node.minimum->as_double();
    const bool high = node.maximum != nullptr && v.as_double() > node.maximum->as_double();
    if (!low && !high) return;
    const std::string hint =
        node.minimum != nullptr && node.maximum != nullptr ? limit(node.minimum, node.maximum) : "";
    add("out-of-range", v.place, fmt::format("{} is too {}", shown(v, node), low ? "small" : "large"), hint);
  }

  void check_array(const Value& v, const Schema::Node& node) {
    const auto size = static_cast<int64_t>(v.items().size());
    if (size < node.min_items)
      add("too-few", v.place,
          fmt::format("has {}; at least {} needed", count(v.items().size(), "item"), node.min_items), example(node));
    if (node.max_items >= 0 && size > node.max_items)
      add("too-many", v.place, fmt::format("has {} items; at most {} are allowed", size, node.max_items), "split it");
    if (node.items == nullptr) return;
    const size_t keep = path_.size();
    size_t index = 0;
    for (const Value& item : v.items()) {
      path_ += fmt::format("[{}]", index++);
      check(item, *node.items);
      path_.resize(keep);
    }
  }

  void check_object(const Value& v, const Schema::Node& node) {
    for (const auto& member : v.members()) check_member(member, node);
    for (const std::string& name : node.required)
      if (v.find(name) == nullptr) missing(v, name, node);
  }

  void check_member(const Value::Member& member, const Schema::Node& node) {
    const size_t keep = path_.size();
    path_ += (path_.empty() ? "" : ".") + member.key;
    if (const Schema::Node* known = node.property(member.key)) {
      check(member.value, *known);
    } else if (node.closed) {
      unknown(member, node);
    } else {
      if (node.property_names != nullptr) {
        Value name(member.key);
        name.place = member.key_place;
        check(name, *node.property_names);
      }
      if (node.additional != nullptr) check(member.value, *node.additional);
    }
    path_.resize(keep);
  }

  void unknown(const Value::Member& member, const Schema::Node& node) {
    std::vector<std::string> known;
    for (const auto& p : node.properties) known.push_back(p.name);
    std::string hint = known.empty() ? "no field is known here; leave it out" : "known here: " + join(known, ", ");
    if (const auto near = nearest(member.key, known)) hint = "did you mean '" + *near + "'?";
    add("unknown-field", member.key_place, "unknown field", hint);
  }

  void missing(const Value& v, const std::string& name, const Schema::Node& node) {
    const size_t keep = path_.size();
    path_ += (path_.empty() ? "" : ".") + name;
    const Schema::Node* known = node.property(name);
    std::string hint = "add " + name + " = …";
    if (known != nullptr && !known->examples.empty()) hint = "add " + name + " = " + to_json(known->examples[0]);
    if (known != nullptr && !known->choices.empty()) hint = "add " + name + " = " + to_json(known->choices[0]);
    add("missing-field", v.place, "this field is required", hint, Fit::unfit);
    path_.resize(keep);
  }

  const std::string& file_;
  const std::function<std::string(uint32_t)>& line_;
  Diagnostics& found_;
  size_t most_;
  std::string path_;
  Fit fit_ = Fit::valid;
};

class AuthorityWalk {
 public:
  explicit AuthorityWalk(const Schema::Visit& visit) : visit_(visit) {}

  void walk(const Value& v, const Schema::Node& node, const Value& parent) {
    if (!node.lends) return;
    if (node.authority != Authority::none) visit_(node.authority, v, parent, path_);
    const size_t keep = path_.size();
    if (v.is_array() && node.items != nullptr)
      for (size_t i = 0; i < v.items().size(); ++i) {
        path_ += fmt::format("[{}]", i);
        walk(v.items()[i], *node.items, v);
        path_.resize(keep);
      }
    if (!v.is_object()) return;
    for (const Value::Member& member : v.members()) {
      const Schema::Node* known = node.property(member.key);
      if (known == nullptr) known = node.additional;
      if (known == nullptr) continue;
      path_ += (path_.empty() ? "" : ".") + member.key;
      walk(member.value, *known, v);
      path_.resize(keep);
    }
  }

 private:
  const Schema::Visit& visit_;
  std::string path_;
};

/// An empty object says as much as an absent one.
bool says_nothing(const Value& v, const Schema::Node& node) {
  return v.is_object() && v.members().empty() && !node.has_default;
}

/// Whether no default is absent, and the members are those of the schema in its order.
bool is_whole(const Value::Object& members, const Schema::Node& node) {
  size_t at = 0;
  for (const auto& p : node.properties) {
    if (at < members.size() && members[at].key == p.name) {
      if (says_nothing(members[at++].value, *p.node)) return false;
    } else if (p.node->has_default) {
      return false;
    }
  }
  return at == members.size();
}

/// The members in the schema's order, with the defaults of those that are absent.
Value::Object completed(Value& v, const Schema::Node& node) {
  Value::Object members;
  // what is not given and has no default gets no place: an upstream has many such fields
  const auto defaults =
      std::count_if(node.properties.begin(), node.properties.end(), [](const auto& p) { return p.node->has_default; });
  members.reserve(std::min(node.properties.size(), v.members().size() + static_cast<size_t>(defaults)));
  for (const auto& p : node.properties) {
    Value* given = v.find(p.name);
    if (given != nullptr && !says_nothing(*given, *p.node))
      members.push_back({p.name, std::move(*given)});
    else if (p.node->has_default)
      members.push_back({p.name, p.node->default_value});
  }
  return members;
}

void fill(Value& v, const Schema::Node& node) {
  if (v.is_array() && node.items != nullptr) {
    for (Value& item : v.items()) fill(item, *node.items);
  } else if (v.is_object() && node.additional != nullptr) {  // labels: their order means nothing
    std::sort(v.members().begin(), v.members().end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  } else if (v.is_double() && std::find(node.types.begin(), node.types.end(), "integer") != node.types.end()) {
    const Place place = v.place;
    v = Value(whole(v.as_double()));  // 2.0 is the integer 2, as JSON Schema has it
    v.place = place;
  } else if (v.is_object() && !node.properties.empty()) {
    if (!is_whole(v.members(), node)) v.members() = completed(v, node);
    for (Value::Member& member : v.members()) fill(member.value, *node.property(member.key));
  }
}

}  // namespace

const Schema::Node* Schema::Node::property(std::string_view name) const {
  for (const Property& p : properties)
    if (p.name == name) return p.node;
  return nullptr;
}

const Schema& Schema::get(const std::string& name) {
  struct Kept {
    std::once_flag once;
    std::unique_ptr<Schema> schema;
  };
  static std::map<std::string, Kept> all = [] {
    std::map<std::string, Kept> named;
    for (const auto& [file, text] : embedded_schemas()) named[file];
    return named;
  }();
  const auto found = all.find(fmt::format("schemas/{}.json", name));
  if (found == all.end()) throw std::logic_error("there is no schema " + name);
  std::call_once(found->second.once, [&] {
    found->second.schema = std::make_unique<Schema>(std::string(embedded_schemas().at(found->first)));
  });
  return *found->second.schema;
}

Fit Schema::check(const Value& document, const std::string& file, const std::function<std::string(uint32_t)>& line,
                  Diagnostics& found) const {
  Checker checker(file, line, found);
  checker.check(document, *root_);
  return checker.fit();
}

Value Schema::with_defaults(Value document) const {
  fill(document, *root_);
  return document;
}

void Schema::visit_authority(const Value& document, const Visit& visit) const {
  AuthorityWalk(visit).walk(document, *root_, document);
}

const Schema::Node* Schema::find(std::string_view path) const {
  const Node* node = root_;
  for (const std::string& name : split(path, '.')) {
    if (name.empty()) continue;
    while (node->items != nullptr) node = node->items;
    node = node->property(name);
    if (node == nullptr) return nullptr;
  }
  return node;
}

}  // namespace orctl
