#include "cli/io.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "base/text.h"

namespace orctl {

namespace {

struct Paint {
  std::string_view name;
  char letter;
  std::string_view sequence;
};
constexpr std::array<Paint, 6> paints = {{{"red", 'r', "\x1b[31m"},
                                          {"green", 'g', "\x1b[32m"},
                                          {"yellow", 'y', "\x1b[33m"},
                                          {"bold", 'b', "\x1b[1m"},
                                          {"dim", 'd', "\x1b[2m"},
                                          {"", '0', "\x1b[0m"}}};

/// Starts the mark of a colour. Random, so that no text from outside can carry one: what is no mark is escaped.
const std::string& mark() {
  static const std::string made = fmt::format("<{:08x}{:08x}", std::random_device{}(), std::random_device{}());
  return made;
}

std::string without_marks(std::string text) {
  for (size_t at = text.find(mark()); at != std::string::npos; at = text.find(mark(), at))
    text.erase(at, mark().size() + 1);
  return text;
}

std::string padded(const std::string& cell, size_t width) {
  const size_t taken = display_width(without_marks(cell));
  return cell + std::string(width - std::min(width, taken), ' ');
}

std::string code_of(Exit exit) {
  switch (exit) {
    case Exit::ok:
      return "ok";
    case Exit::no:
      return "no";
    case Exit::usage:
      return "usage";
    case Exit::refused:
      return "refused";
    case Exit::unreachable:
      return "unreachable";
    case Exit::target:
      return "target";
    case Exit::partial:
      return "partial";
    case Exit::conflict:
      return "conflict";
    case Exit::timeout:
      return "timeout";
    case Exit::guard:
      return "guard";
    case Exit::changed:
      return "changed";
    case Exit::rolled_back:
      return "rolled-back";
    case Exit::broken:
      return "broken";
  }
  return "internal";
}

/// `text` with its second and later lines indented, so that no line of it can pass for a message of ours.
std::string indented(const std::string& text) {
  std::string out;
  for (const char c : std::string(trim(text))) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

std::string message_text(std::string_view severity, const std::string& message, const std::string& hint) {
  std::string text = fmt::format("{}: {}\n", severity, indented(printable(message)));
  if (!hint.empty()) text += fmt::format("  hint: {}\n", indented(printable(hint)));
  return text;
}

Value message_value(const std::string& code, const std::string& message, const std::string& hint) {
  Value v = Value::object();
  if (!code.empty()) v.set("code", code);
  v.set("message", message);
  if (!hint.empty()) v.set("hint", hint);
  return v;
}

Value diff_value(const FileDiff& d) {
  Value v = Value::object();
  v.set("before_header", d.before_header);
  v.set("before", d.before);
  v.set("after_header", d.after_header);
  v.set("after", d.after);
  return v;
}

using Row = std::vector<std::string>;

std::string table_text(const Row& header, const std::vector<Row>& rows, size_t columns) {
  std::vector<size_t> widths(columns, 0);
  const auto measure = [&](const Row& row) {
    for (size_t i = 0; i < std::min(columns, row.size()); ++i)
      widths[i] = std::max(widths[i], display_width(without_marks(row[i])));
  };
  measure(header);
  for (const Row& row : rows) measure(row);
  std::string text;
  const auto append = [&](const Row& row) {
    std::string line;
    for (size_t i = 0; i < std::min(columns, row.size()); ++i) line += padded(row[i], widths[i]) + "   ";
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  append(header);
  for (const Row& row : rows) append(row);
  return text;
}

Row cells(const Row& row) {
  Row out;
  for (const std::string& cell : row) out.push_back(printable_line(cell));
  return out;
}

}  // namespace

bool Io::plain() const { return format_ != "json" && format_ != "jsonl"; }

std::string Io::paint(const std::string& text, const char* colour) const {
  if (colour_ == Colour::never || text.empty()) return text;
  for (const Paint& paint : paints)
    if (paint.name == colour) return mark() + paint.letter + text + mark() + '0';
  return text;
}

std::string Io::coloured(std::string text) const {
  if (colour_ == Colour::never) return text;
  size_t at = 0;
  while ((at = text.find(mark(), at)) != std::string::npos) {
    const char letter = at + mark().size() < text.size() ? text[at + mark().size()] : '0';
    const auto paint = std::find_if(paints.begin(), paints.end(), [&](const Paint& p) { return p.letter == letter; });
    text.replace(at, mark().size() + 1, paint == paints.end() ? paints.back().sequence : paint->sequence);
  }
  return text;
}

void Io::table(const Table& t, const std::string& what, const std::string& name_prefix) {
  if (!plain()) return;
  if (t.rows.empty()) return note(fmt::format("No {} found.", what));
  if (format_ == "name") {
    const std::string prefix = name_prefix.empty() ? "" : printable_line(name_prefix) + "/";
    for (const Row& row : t.rows)
      if (!row.empty()) out_ << prefix << printable_line(without_marks(row[0])) << "\n";
    return;
  }
  const size_t hidden = format_ == "wide" ? 0 : std::min(t.wide_columns, t.columns.size());
  std::vector<Row> rows;
  for (const Row& row : t.rows) rows.push_back(cells(row));
  out_ << coloured(table_text(cells(t.columns), rows, t.columns.size() - hidden)) << std::flush;
}

void Io::print(const std::string& text) {
  end_progress();
  if (plain()) out_ << coloured(printable(text)) << std::flush;
}

void Io::note(const std::string& line) {
  end_progress();
  err_ << coloured(printable_line(line)) << "\n" << std::flush;
}

void Io::progress(const std::string& line) {
  if (!on_terminal_) return note(line);
  err_ << "\r\x1b[K" << printable_line(line) << std::flush;
  in_progress_ = true;
}

void Io::end_progress() {
  if (in_progress_) err_ << "\r\x1b[K" << std::flush;
  in_progress_ = false;
}

void Io::fault(const std::string& text, const Value& value, std::vector<Value>& kept) {
  end_progress();
  kept.push_back(value);
  if (json()) return;
  const size_t colon = text.find(':');
  const char* colour = &kept == &errors_ ? "red" : "yellow";
  err_ << coloured(paint(text.substr(0, colon), colour)) << text.substr(colon) << std::flush;
}

void Io::warn(const std::string& message, const std::string& hint) {
  fault(message_text("warning", message, hint), message_value("", message, hint), warnings_);
}

void Io::warn(const Diagnostic& d) {
  Diagnostic warning = d;
  warning.severity = Severity::warning;
  fault(to_text(warning), to_value(warning), warnings_);
}

void Io::error(const Diagnostic& d) {
  fault(to_text(d), to_value(d), d.severity == Severity::error ? errors_ : warnings_);
}

void Io::error(const Error& e) {
  fault(message_text("error", e.what(), e.hint()), message_value(code_of(e.exit()), e.what(), e.hint()), errors_);
}

std::string Io::first_error() const {
  const Value* message = errors_.empty() ? nullptr : errors_.front().find("message");
  return message != nullptr && message->is_string() ? message->as_string() : "";
}

void Io::write_document(Exit exit) {
  Value document = Value::object();
  document.set("apiVersion", "orctl/v1");
  document.set("kind", kind_);
  document.set("items", std::move(items_));
  if (has_changed_) document.set("changed", changed_);
  if (!diffs_.empty()) {
    Value::Array all;
    for (const FileDiff& d : diffs_) all.push_back(diff_value(d));
    document.set("diff", std::move(all));
  }
  document.set("warnings", std::move(warnings_));
  document.set("errors", std::move(errors_));
  document.set("exit", static_cast<int>(exit));
  out_ << to_json(document, 2) << "\n";
}

Exit Io::finish(Exit exit) {
  end_progress();
  if (json()) write_document(exit);
  if (format_ == "jsonl")
    for (const Value& item : items_) out_ << to_json(item) << "\n";
  out_.flush();
  err_.flush();
  if (out_.good()) return exit;
  err_ << message_text("error", "cannot write to standard output", "is the disk full, or did the reader go away?");
  err_.flush();
  // What became of the host matters more than the lost answer.
  const bool host = exit == Exit::partial || exit == Exit::rolled_back || exit == Exit::broken;
  return host ? exit : Exit::target;
}

}  // namespace orctl
