#include <toml++/toml.h>

#include <algorithm>

#include "base/text.h"
#include "model/read.h"

namespace orctl {
namespace {

Place place_of(const toml::source_position& at) { return {at.line, at.column}; }

/// Members in the order they were written; toml++ keeps its tables sorted by name.
void order_by_place(Value::Object& members) {
  std::stable_sort(members.begin(), members.end(), [](const Value::Member& a, const Value::Member& b) {
    return std::pair(a.key_place.line, a.key_place.col) < std::pair(b.key_place.line, b.key_place.col);
  });
}

Value convert(const toml::node& node) {
  Value v;
  switch (node.type()) {
    case toml::node_type::table: {
      Value::Object members;
      members.reserve(node.as_table()->size());
      for (const auto& [key, child] : *node.as_table())
        members.push_back({std::string(key.str()), convert(child), place_of(key.source().begin)});
      order_by_place(members);
      v = Value(std::move(members));
      break;
    }
    case toml::node_type::array: {
      Value::Array items;
      items.reserve(node.as_array()->size());
      for (const auto& child : *node.as_array()) items.push_back(convert(child));
      v = Value(std::move(items));
      break;
    }
    case toml::node_type::string:
      v = Value(node.as_string()->get());
      break;
    case toml::node_type::integer:
      v = Value(node.as_integer()->get());
      break;
    case toml::node_type::floating_point:
      v = Value(node.as_floating_point()->get());
      break;
    case toml::node_type::boolean:
      v = Value(node.as_boolean()->get());
      break;
    default:
      break;  // dates and times: no field takes one, so the type check refuses the null
  }
  v.place = place_of(node.source().begin);
  return v;
}

}  // namespace

std::optional<Value> read_toml(const Source& source, Diagnostics& found) {
  try {
    const toml::table table = toml::parse(std::string_view(source.text), std::string_view(source.file));
    Value root = convert(table);
    root.place = {1, 1};
    return root;
  } catch (const toml::parse_error& e) {
    Diagnostic d;
    d.code = "syntax";
    d.file = source.file;
    d.place = place_of(e.source().begin);
    d.text = std::string(e.description());
    d.hint = "write TOML 1.0; strings stand in quotes, tables in [brackets]";
    d.source_line = line_of(source.text, d.place.line);
    found.push_back(std::move(d));
    return std::nullopt;
  }
}

}  // namespace orctl
