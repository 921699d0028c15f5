// Of read.h: TOML.
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

/// What toml++ must not be given, by the byte where it stands.
struct Flaw {
  enum class Kind { none, deep_key, not_ascii } kind = Kind::none;
  size_t at = 0;
};

/// A key of more than max_depth parts: toml++ and we walk such a key by recursion, and it limits only brackets. And
/// what is not ASCII outside of strings and comments: TOML 1.0 has nothing there, and toml++ 3.3 runs into
/// __builtin_unreachable() for some of it (is_non_ascii_horizontal_whitespace, U+02D3 for one). Strings and comments
/// are stepped over; anything but a key's own characters ends a key.
Flaw find_flaw(std::string_view text) {
  int dots = 0;
  for (size_t i = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '"' || c == '\'') {
      const bool triple = text.substr(i, 3) == std::string(3, c);
      const std::string quote(triple ? 3 : 1, c);
      i += quote.size();
      // a string of one line ends with it at the latest: what comes after a missing quote is read as it is
      while (i < text.size() && text.substr(i, quote.size()) != quote && (triple || text[i] != '\n'))
        i += text[i] == '\\' && c == '"' ? 2 : 1;
      i += quote.size() - 1;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return {Flaw::Kind::not_ascii, i};
    } else if (c == '.') {
      if (++dots >= max_depth) return {Flaw::Kind::deep_key, i};
    } else if (!(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == ' ' || c == '\t')) {
      dots = 0;
    }
  }
  return {};
}

/// Columns are counted in characters, as toml++ does.
Place place_at(std::string_view text, size_t byte) {
  Place at{1, 1};
  for (const char c : text.substr(0, byte)) {
    if (c == '\n')
      ++at.line, at.col = 1;
    else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
      ++at.col;
  }
  return at;
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
  const Flaw flaw = find_flaw(source.text);
  const Place place = place_at(source.text, flaw.at);
  if (flaw.kind == Flaw::Kind::deep_key) return too_deep(place);
  if (flaw.kind == Flaw::Kind::not_ascii) {
    found.push_back({Severity::error, "syntax", source.file, place, "",
                     "a character that is not ASCII stands outside of quotes", "put what it belongs to into quotes",
                     line_of(source.text, place.line)});
    return std::nullopt;
  }
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
