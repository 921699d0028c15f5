#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "model/jsonpath.h"
#include "model/value.h"

namespace orctl {

/// The formats of an answer: text of the command's own, tables of its items, or documents made of them.
enum class Style { text, table, wide, json, jsonl, toml, name, jsonpath, columns };

/// One format of -o, understood: "wide", "jsonpath={.items[*].name}", "custom-columns=NAME:.name,REV:.revision".
class Output {
 public:
  /// Throws Error(Exit::usage), with a caret in what is wrong. What is a command's `own` ("sarif", a
  /// manifest as "toml") is text.
  explicit Output(const std::string& format, const std::vector<std::string>& own = {});

  Style style() const { return style_; }
  /// Whether it is for people: the command's own text, or a table.
  bool is_plain() const { return style_ == Style::text || style_ == Style::table || style_ == Style::wide; }
  /// Whether it is one document, written when all is known.
  bool is_document() const { return style_ == Style::json || style_ == Style::toml; }
  /// The items in a format that goes item by item, or by a template over the whole document.
  std::string items_text(const std::vector<Value>& items, const Value& document) const;
  /// Of custom columns.
  std::vector<std::string> heads() const;
  std::vector<std::string> cells(const Value& item) const;

 private:
  struct OwnColumn {
    std::string head;
    FieldPath path;
  };
  void read_columns(const std::string& text);

  Style style_ = Style::text;
  std::optional<JsonTemplate> template_;
  std::vector<OwnColumn> columns_;
};

/// What -o takes of a command: its own formats, and whatever can be made of its items.
std::vector<std::string> formats_of(const CommandInfo& info);

/// The name of an item that other commands take: INST, INST/UP, INST/UP/HOST:PORT; "" where it has none.
std::string item_name(const Value& item);

}  // namespace orctl
