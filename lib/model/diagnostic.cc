#include "model/diagnostic.h"

#include <algorithm>

#include "base/text.h"

namespace orctl {

namespace {

constexpr size_t before_column = 60, after_column = 40;  // characters of a long line shown on each side

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

/// `text` split after `n` characters.
std::pair<std::string_view, std::string_view> cut(std::string_view text, size_t n) {
  std::string_view rest = text;
  for (size_t i = 0; i < n && !rest.empty(); ++i) rest.remove_prefix(first_character(rest).bytes);
  return {text.substr(0, text.size() - rest.size()), rest};
}

std::string shown(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\t', ' ');  // one cell in the source line and in the caret line
  return printable_line(out);
}

/// The source line and the caret below its column; a long line is cut to what stands around the column.
std::string excerpt(const Diagnostic& d) {
  std::string_view line = d.source_line;
  line = line.substr(0, line.find_last_not_of("\r\n") + 1);
  const size_t column = d.place.col > 0 ? d.place.col - 1 : 0;
  auto [left, right] = cut(line, column);
  std::string head;
  const size_t left_size = characters(left);
  if (left_size > before_column) {
    left = cut(left, left_size - before_column).second;
    head = "…";
  }
  const auto [kept, dropped] = cut(right, after_column);
  head += shown(left);
  std::string out = "  " + head + shown(kept) + (dropped.empty() ? "" : "…") + "\n";
  if (d.place.col > 0) out += "  " + std::string(display_width(head), ' ') + "^\n";
  return out;
}

}  // namespace

bool has_errors(const Diagnostics& all) {
  return std::any_of(all.begin(), all.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string to_text(const Diagnostic& d) {
  std::string out(name_of(d.severity));
  out += ": ";
  if (!d.file.empty()) {
    out += printable_line(d.file) + ":";
    if (d.place.line > 0) out += std::to_string(d.place.line) + ":";
    if (d.place.line > 0 && d.place.col > 0) out += std::to_string(d.place.col) + ":";
    out += " ";
  }
  if (!d.field.empty()) out += printable_line(d.field) + ": ";
  out += printable_line(d.text) + "\n";
  if (!d.source_line.empty()) out += excerpt(d);
  if (!d.hint.empty()) out += "  hint: " + printable_line(d.hint) + "\n";
  return out;
}

Value to_value(const Diagnostic& d) {
  Value v = Value::object();
  const auto set_text = [&](std::string_view key, const std::string& text) {
    if (!text.empty()) v.set(key, text);
  };
  set_text("code", d.code);
  v.set("message", d.text);
  v.set("severity", name_of(d.severity));
  set_text("file", d.file);
  if (d.place.line > 0) v.set("line", static_cast<int64_t>(d.place.line));
  if (d.place.line > 0 && d.place.col > 0) v.set("column", static_cast<int64_t>(d.place.col));
  set_text("field", d.field);
  set_text("hint", d.hint);
  return v;
}

}  // namespace orctl
