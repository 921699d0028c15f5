#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/diagnostic.h"
#include "model/value.h"

namespace orctl {

/// A table as kubectl prints it: upper-case header, columns padded with three blanks, no borders.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  size_t wide_columns = 0;  ///< how many of the last columns are shown only with -o wide
};

/// What one file looked like before and after; Ansible shows it.
struct FileDiff {
  std::string before_header, before, after_header, after;
};

enum class Colour { never, always };

/// The only way out of a command: the answer goes to stdout, everything else to stderr, and with -o json stdout is
/// exactly one document, on failure too. All text passes printable().
class Io {
 public:
  Io(std::ostream& out, std::ostream& err, std::string format, Colour colour)
      : out_(out), err_(err), format_(std::move(format)), colour_(colour) {}

  const std::string& format() const { return format_; }
  bool json() const { return format_ == "json"; }

  /// "InstanceList", "Plan", …: the `kind` of the JSON document.
  void kind(std::string name) { kind_ = std::move(name); }
  /// One item of the JSON document's `items`.
  void item(Value v) { items_.push_back(std::move(v)); }
  /// The items as a table (text, table, wide) or their first column alone (name, as `prefix/NAME` when prefix is
  /// given); nothing with json. An empty one says "No <what> found." on stderr.
  void table(const Table& t, const std::string& what, const std::string& name_prefix = {});
  /// Text of the answer, for every format but json; it is out at once.
  void print(const std::string& text);
  /// False once nobody reads the answer any more: a command that goes on ends then.
  bool heard() const { return out_.good(); }
  /// Progress and remarks: a line on stderr.
  void note(const std::string& line);
  /// What is being waited for. On a terminal the line takes the place of the last such line; elsewhere it is a note.
  void progress(const std::string& line);
  /// Says that stderr is a terminal.
  void on_terminal() { on_terminal_ = true; }
  void warn(const std::string& message, const std::string& hint = {});
  void warn(const Diagnostic& d);
  /// A fault of the input, shown on stderr with caret and hint, and kept for the JSON document.
  void error(const Diagnostic& d);
  void error(const Error& e);
  std::string first_error() const;  ///< its message; "" when there was none
  void changed(bool yes) {
    changed_ = yes;
    has_changed_ = true;
  }
  void diff(FileDiff d) { diffs_.push_back(std::move(d)); }
  /// Colours `text` when colour is on: "red", "green", "yellow", "bold", "dim". For print(), note() and table cells
  /// of this program only: the colour is written as a mark that they turn into an escape sequence.
  std::string paint(const std::string& text, const char* colour) const;

  /// Writes the JSON document if that is the format; checks that stdout took everything (Exit::target otherwise).
  Exit finish(Exit exit);

 private:
  bool plain() const;  ///< whether the answer is text: not json, jsonl, or another format made of the items
  std::string coloured(std::string text) const;
  void fault(const std::string& text, const Value& value, std::vector<Value>& kept);
  void write_document(Exit exit);
  void end_progress();

  std::ostream& out_;
  std::ostream& err_;
  std::string format_;
  Colour colour_;
  std::string kind_ = "Result";
  std::vector<Value> items_, warnings_, errors_;
  std::vector<FileDiff> diffs_;
  bool changed_ = false, has_changed_ = false;
  bool on_terminal_ = false, in_progress_ = false;  ///< a line of progress stands on the terminal, without its end
};

}  // namespace orctl
