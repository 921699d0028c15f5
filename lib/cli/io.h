#pragma once
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "model/diagnostic.h"
#include "model/value.h"

namespace orctl {

class Output;

/// What one file looked like before and after; Ansible shows it.
struct FileDiff {
  std::string before_header, before, after_header, after;
};

enum class Colour { never, always };

/// Where stdout leads to.
struct OutPlace {
  size_t width = 0;  ///< cells of a line of the terminal; 0: it is none, and nothing is cut
  std::function<bool()> reader_is_gone = [] { return false; };  ///< the other end of a pipe is closed
};

/// The only way out of a command: the answer goes to stdout, everything else to stderr, and with -o json stdout is
/// exactly one document, on failure too. All text passes printable().
class Io {
 public:
  /// `own` are the formats that the command itself writes. Throws Error(Exit::usage) for one that cannot be understood.
  Io(std::ostream& out, std::ostream& err, std::string format, Colour colour, const std::vector<std::string>& own = {});

  void leads_to(OutPlace place) { place_ = std::move(place); }
  void listing(ListFlags flags) { list_ = std::move(flags); }
  const std::string& format() const { return format_; }
  bool json() const { return format_ == "json"; }
  /// Whether the format can go on: no document that has an end.
  bool is_open_ended() const;

  /// "InstanceList", "Plan", …: the `kind` of the JSON document.
  void kind(std::string name) { kind_ = std::move(name); }
  /// One item of the JSON document's `items`.
  void item(Value v) { items_.push_back(std::move(v)); }
  /// What the flags of lists leave of the items, in their order.
  std::vector<Value> arranged(std::vector<Value> items) const { return orctl::arranged(std::move(items), list_); }
  /// The items as a table (text, table, wide) or their names alone (name, as `prefix/NAME` when prefix is
  /// given); nothing in formats made of the items. An empty one says "No <what> found." on stderr.
  void table(const Table& t, const std::string& what, const std::string& name_prefix = {});
  /// From now on only what is new since the last look is shown. A look ends by end_look(), which writes its items.
  void begin_watch() { watch_ = std::make_unique<Watch>(); }
  void end_look();
  /// Text of the answer, for every format but json; it is out at once.
  void print(const std::string& text);
  /// False once nobody reads the answer any more: a command that goes on ends then.
  bool heard() const { return out_.good() && !place_.reader_is_gone(); }
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
  Value document(Exit exit) const;
  Table only_news(const Table& t);
  void write_table(const Row& heads, const std::vector<Row>& rows);
  void write_items(Exit exit);
  void end_progress();

  std::ostream& out_;
  std::ostream& err_;
  std::string format_;
  Colour colour_;
  std::shared_ptr<const Output> output_;
  OutPlace place_;
  ListFlags list_;
  std::unique_ptr<Watch> watch_;
  ColumnWidths widths_;  ///< those of the last look, while it is watched
  bool headed_ = false;  ///< the head of a watched table stands already
  bool tabled_ = false;  ///< table() has said what -o name says
  bool first_look_ = true;
  std::string kind_ = "Result";
  std::vector<Value> items_, warnings_, errors_;
  std::vector<FileDiff> diffs_;
  bool changed_ = false, has_changed_ = false;
  bool on_terminal_ = false, in_progress_ = false;  ///< a line of progress stands on the terminal, without its end
};

}  // namespace orctl
