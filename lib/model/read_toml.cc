#include <toml++/toml.h>

#include <algorithm>
#include <cctype>

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

struct TooDeep {
  Place place;
};

/// Where a key has more than max_depth parts; line 0 when none has. toml++ and we walk such a key by recursion, and it
/// limits only brackets. Strings and comments are stepped over; anything but a key's own characters ends a key.
Place deep_key(std::string_view text) {
  Place at{1, 1};
  int dots = 0;
  for (size_t i = 0; i < text.size(); ++i, ++at.col) {
    const char c = text[i];
    if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '"' || c == '\'') {
      const bool triple = text.substr(i, 3) == std::string(3, c);
      const std::string quote(triple ? 3 : 1, c);
      i += quote.size();
      while (i < text.size() && text.substr(i, quote.size()) != quote) {
        if (text[i] == '\n') ++at.line, at.col = 0;
        i += text[i] == '\\' && c == '"' ? 2 : 1;
      }
      i += quote.size() - 1;
    } else if (c == '.') {
      if (++dots >= max_depth) return at;
    } else if (c == '\n') {
      ++at.line, at.col = 0, dots = 0;
    } else if (!(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == ' ' || c == '\t')) {
      dots = 0;
    }
  }
  return {};
}

Value convert(const toml::node& node, int depth = 1) {
  if (depth > max_depth) throw TooDeep{place_of(node.source().begin)};
  Value v;
  switch (node.type()) {
    case toml::node_type::table: {
      Value::Object members;
      members.reserve(node.as_table()->size());
      for (const auto& [key, child] : *node.as_table())
        members.push_back({std::string(key.str()), convert(child, depth + 1), place_of(key.source().begin)});
      order_by_place(members);
      v = Value(std::move(members));
      break;
    }
    case toml::node_type::array: {
      Value::Array items;
      items.reserve(node.as_array()->size());
      for (const auto& child : *node.as_array()) items.push_back(convert(child, depth + 1));
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
  const auto too_deep = [&](Place at) {
    found.push_back({Severity::error, "too-deep", source.file, at, "",
                     "nested deeper than " + std::to_string(max_depth) + " levels", "no field needs that",
                     line_of(source.text, at.line)});
    return std::nullopt;
  };
  if (const Place at = deep_key(source.text); at.line != 0) return too_deep(at);
  try {
    const toml::table table = toml::parse(std::string_view(source.text), std::string_view(source.file));
    Value root = convert(table);
    root.place = {1, 1};
    return root;
  } catch (const TooDeep& deep) {
    return too_deep(deep.place);
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
