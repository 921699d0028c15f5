#include "cli/show_answer.h"

#include "cli/output.h"

namespace orctl {
namespace {

const char* colour_of(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "green";
    case Tone::warning:
      return "yellow";
    case Tone::bad:
      return "red";
    case Tone::plain:
      return "";
  }
  return "";
}

}  // namespace

void show_items(Io& io, const Noun& noun, const Value::Array& all) {
  io.kind(noun.kind);
  const Value::Array items = io.arranged(all);
  Table table;
  for (const Column& column : noun.columns) {
    table.columns.push_back(column.head);
    table.wide_columns += column.shown == Column::Shown::wide ? 1 : 0;
  }
  for (const Value& item : items) {
    std::vector<std::string>& row = table.rows.emplace_back();
    for (const Column& column : noun.columns) {
      const std::string text = column.text(item, column.field);
      const Tone tone = column.tone == nullptr ? Tone::plain : column.tone(item);
      row.push_back(tone == Tone::plain ? text : io.paint(text, colour_of(tone)));
    }
    // what none of the nouns of commands is, its first column names
    const std::string name = item_name(item);
    table.names.push_back(name.empty() ? noun.columns.front().text(item, noun.columns.front().field) : name);
    io.item(item);
  }
  io.table(table, noun.plural, noun.singular);
}

void tell_remarks(Io& io, Answer& answer) {
  for (const Remark& one : answer.remarks)
    one.kind == Remark::Kind::error ? io.error(one.error) : io.warn(one.error.what(), one.error.hint());
  answer.remarks.clear();
}

Exit show_answer(Io& io, const Noun& noun, Answer answer) {
  tell_remarks(io, answer);
  show_items(io, noun, answer.items);
  return answer.exit();
}

}  // namespace orctl
