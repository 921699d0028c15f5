#include "cli/io.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/marks.h"
#include "cli/output.h"
#include "model/write_toml.h"

namespace orctl {

namespace {

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
    case Exit::absent:
      return "absent";
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

}  // namespace

Io::Io(std::ostream& out, std::ostream& err, std::string format, Colour colour, const std::vector<std::string>& own)
    : out_(out),
      err_(err),
      format_(std::move(format)),
      colour_(colour),
      output_(std::make_shared<const Output>(format_, own)) {}

bool Io::plain() const { return output_->is_plain(); }
bool Io::is_open_ended() const { return !output_->is_document(); }

std::string Io::paint(const std::string& text, const char* colour) const {
  return colour_ == Colour::never || text.empty() ? text : marked(text, colour);
}

std::string Io::coloured(std::string text) const {
  return colour_ == Colour::never ? text : marks_as_sequences(std::move(text));
}

Table Io::only_news(const Table& t) {
  std::vector<std::pair<std::string, std::string>> now;
  for (size_t i = 0; i < t.rows.size(); ++i) {
    const std::string item = i < items_.size() ? to_json(items_[i]) : "", row = join(t.rows[i], "\n");
    now.emplace_back(i < t.names.size() ? t.names[i] : t.rows[i].front(), plain() ? row : item);
  }
  std::vector<std::string> gone;
  const std::vector<bool> is_new = watch_->news(now, gone);
  for (const std::string& name : gone) note(without_marks(name) + " is gone");
  Table out{t.columns, {}, t.wide_columns, {}};
  std::vector<Value> items;
  for (size_t i = 0; i < t.rows.size(); ++i) {
    if (!is_new[i] || (first_look_ && list_.watch_only)) continue;
    out.rows.push_back(t.rows[i]);
    if (i < t.names.size()) out.names.push_back(t.names[i]);
    if (i < items_.size()) items.push_back(items_[i]);
  }
  items_ = std::move(items);
  return out;
}

void Io::write_table(const Row& heads, const std::vector<Row>& rows) {
  ColumnWidths widths = watch_ ? widths_ : ColumnWidths();
  if (!list_.no_headers) widths.take_in(heads);
  for (const Row& row : rows) widths.take_in(row);
  widths_ = widths;
  if (format_ == "table") widths.fit(place_.width);
  if (!list_.no_headers && !headed_) out_ << coloured(widths.line(heads));
  headed_ = watch_ != nullptr;
  for (const Row& row : rows) out_ << coloured(widths.line(row));
  out_ << std::flush;
}

void Io::table(const Table& whole, const std::string& what, const std::string& name_prefix) {
  if (whole.rows.empty() && first_look_) note(fmt::format("No {} found.", what));
  const Table t = watch_ ? only_news(whole) : whole;
  if (output_->style() == Style::name) {
    tabled_ = true;
    const std::string prefix = name_prefix.empty() ? "" : printable_line(name_prefix) + "/";
    for (size_t i = 0; i < t.rows.size(); ++i)
      if (i < t.names.size() || !t.rows[i].empty())
        out_ << prefix << printable_line(i < t.names.size() ? t.names[i] : without_marks(t.rows[i][0])) << "\n";
    out_ << std::flush;
  }
  if (!plain() || t.rows.empty()) return;
  const size_t shown =
      t.columns.size() - (output_->style() == Style::wide ? 0 : std::min(t.wide_columns, t.columns.size()));
  write_table(shown_rows({t.columns}, shown).front(), shown_rows(t.rows, shown));
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
  if (watch_ && !watch_->is_news(text)) return;
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

Value Io::document(Exit exit) const {
  Value document = Value::object();
  document.set("apiVersion", "orctl/v1");
  document.set("kind", kind_);
  document.set("items", Value(Value::Array(items_)));
  if (has_changed_) document.set("changed", changed_);
  if (!diffs_.empty()) {
    Value::Array all;
    for (const FileDiff& d : diffs_) all.push_back(diff_value(d));
    document.set("diff", std::move(all));
  }
  document.set("warnings", Value(Value::Array(warnings_)));
  document.set("errors", Value(Value::Array(errors_)));
  document.set("exit", static_cast<int>(exit));
  return document;
}

void Io::write_items(Exit exit) {
  const Style style = output_->style();
  if (style == Style::columns && !items_.empty()) {
    std::vector<Row> rows;
    for (const Value& item : items_) rows.push_back(output_->cells(item));
    write_table(shown_rows({output_->heads()}, output_->heads().size()).front(),
                shown_rows(rows, output_->heads().size()));
  } else if (style == Style::json) {
    out_ << to_json(document(exit), 2) << "\n";
  } else if (style == Style::toml) {
    out_ << to_toml(document(exit));
  } else if (!(style == Style::name && tabled_) && !(watch_ && items_.empty())) {
    out_ << output_->items_text(items_, style == Style::jsonpath ? document(exit) : Value());
  }
  out_.flush();
}

void Io::end_look() {
  write_items(Exit::ok);
  for (std::vector<Value>* kept : {&items_, &warnings_, &errors_}) kept->clear();
  if (watch_) watch_->end_of_look();
  first_look_ = false;
}

Exit Io::finish(Exit exit) {
  end_progress();
  write_items(exit);
  err_.flush();
  // whoever asked has gone with what he wanted to know: `| head -1`
  if (out_.good() || place_.reader_is_gone()) return exit;
  err_ << message_text("error", "cannot write to standard output", "is the disk full, or did the reader go away?");
  err_.flush();
  // What became of the host matters more than the lost answer.
  const bool host = exit == Exit::partial || exit == Exit::rolled_back || exit == Exit::broken;
  return host ? exit : Exit::target;
}

}  // namespace orctl
