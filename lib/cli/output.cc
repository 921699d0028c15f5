#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/syntax_error.h"

namespace orctl {
namespace {

constexpr std::string_view jsonpath_prefix = "jsonpath=", columns_prefix = "custom-columns=";

struct Known {
  std::string_view word;
  Style style;
};
constexpr std::array<Known, 6> known = {{{"table", Style::table},
                                         {"wide", Style::wide},
                                         {"json", Style::json},
                                         {"jsonl", Style::jsonl},
                                         {"toml", Style::toml},
                                         {"name", Style::name}}};

/// What stands between brackets, braces or quotes divides nothing.
size_t end_of_column(const std::string& text, size_t from) {
  int depth = 0;
  char quote = '\0';
  for (size_t at = from; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == '\\')
        ++at;
      else if (c == quote)
        quote = '\0';
    } else if (depth > 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '[' || c == '{' || c == '(') {
      ++depth;
    } else if (c == ']' || c == '}' || c == ')') {
      --depth;
    } else if (c == ',' && depth <= 0) {
      return at;
    }
  }
  return text.size();
}

std::string member(const Value& item, const char* key) {
  const Value* v = item.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

}  // namespace

Output::Output(const std::string& format, const std::vector<std::string>& own) {
  for (const Known& one : known)
    if (format == one.word) style_ = one.style;
  // of items nobody makes jsonl in another way
  if (style_ == Style::toml && std::find(own.begin(), own.end(), format) != own.end()) style_ = Style::text;
  if (format.starts_with(jsonpath_prefix)) {
    style_ = Style::jsonpath;
    template_.emplace(format.substr(jsonpath_prefix.size()));
  } else if (format.starts_with(columns_prefix)) {
    style_ = Style::columns;
    read_columns(format.substr(columns_prefix.size()));
  }
}

void Output::read_columns(const std::string& text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = end_of_column(text, at);
    const std::string one = text.substr(at, end - at);
    const size_t colon = one.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == one.size())
      throw syntax_error(text, at, "a column is a head and a field: NAME:.name",
                         "for example -o custom-columns=NAME:.name,REV:.revision");
    columns_.push_back({one.substr(0, colon), FieldPath(one.substr(colon + 1))});
    at = end + 1;
  }
}

std::vector<std::string> Output::heads() const {
  std::vector<std::string> out;
  for (const OwnColumn& column : columns_) out.push_back(column.head);
  return out;
}

std::vector<std::string> Output::cells(const Value& item) const {
  std::vector<std::string> out;
  for (const OwnColumn& column : columns_) {
    std::vector<std::string> texts;
    for (const Value* value : column.path.find(item)) texts.push_back(value->is_null() ? "<none>" : plain_text(*value));
    out.push_back(texts.empty() ? "<none>" : join(texts, ","));
  }
  return out;
}

std::string Output::items_text(const std::vector<Value>& items, const Value& document) const {
  if (style_ == Style::jsonpath) return template_->write(document);
  std::string out;
  for (const Value& item : items) {
    if (style_ == Style::jsonl) out += to_json(item) + "\n";
    if (style_ == Style::name)
      if (const std::string name = item_name(item); !name.empty()) out += printable_line(name) + "\n";
  }
  return out;
}

std::vector<std::string> formats_of(const CommandInfo& info) {
  std::vector<std::string> out = info.outputs;
  if (std::find(out.begin(), out.end(), "json") == out.end()) return out;
  for (const char* one : {"jsonl", "toml", "name", "jsonpath=", "custom-columns="})
    if (std::find(out.begin(), out.end(), one) == out.end()) out.emplace_back(one);
  return out;
}

std::string item_name(const Value& item) {
  const std::string instance = member(item, "instance");
  if (instance.empty()) {
    const Value* revision = item.find("revision");
    const std::string name = member(item, "name");
    return name.empty() && revision != nullptr ? plain_text(*revision) : name;
  }
  std::string upstream = member(item, "upstream"), server = member(item, "address");
  if (upstream.empty()) upstream = member(item, "name");
  if (server.empty()) server = member(item, "server");
  return instance + (upstream.empty() ? "" : "/" + upstream) + (server.empty() ? "" : "/" + server);
}

}  // namespace orctl
