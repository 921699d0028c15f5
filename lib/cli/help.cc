// Of main.h: help.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/describe.h"
#include "cli/main.h"

namespace orctl {

namespace {

constexpr size_t width = 80;
constexpr size_t widest_label = 30;  // a longer one stands on a line of its own

/// A word, or what of a long list of choices ends with "|".
struct Piece {
  std::string text;
  bool begins_word = true;
};

std::vector<Piece> pieces_of(std::string_view text, size_t most) {
  std::vector<Piece> out;
  for (const std::string& word : split(text, ' ')) {
    size_t begin = 0;
    for (size_t bar = word.find('|'); display_width(word) > most && bar != std::string::npos;
         bar = word.find('|', begin)) {
      out.push_back({word.substr(begin, bar + 1 - begin), begin == 0});
      begin = bar + 1;
    }
    out.push_back({word.substr(begin), begin == 0});
  }
  return out;
}

/// `text` broken at blanks, and long choices between them, so that lines end before column 80; the first line stands
/// where the caller has come to.
std::string wrapped(std::string_view text, size_t indent) {
  std::string out;
  size_t column = indent;
  for (const Piece& piece : pieces_of(text, width - indent)) {
    const size_t cells = display_width(piece.text), gap = piece.begins_word ? 1 : 0;
    if (column > indent && column + gap + cells > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent && piece.begins_word) {
      out += ' ';
      ++column;
    }
    out += piece.text;
    column += cells;
  }
  return out;
}

struct Entry {
  std::string label, text;
};

/// Two columns, as wide as the labels ask for.
std::string entries_text(const std::vector<Entry>& entries) {
  size_t column = 0;
  for (const Entry& e : entries)
    if (display_width(e.label) <= widest_label) column = std::max(column, display_width(e.label));
  const size_t indent = 2 + column + 3;
  std::string out;
  for (const Entry& e : entries) {
    out += "  " + e.label;
    const size_t used = 2 + display_width(e.label);
    out += used + 3 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - used, ' ');
    out += wrapped(e.text, indent) + "\n";
  }
  return out;
}

std::string section(const std::string& title, const std::vector<Entry>& entries) {
  return entries.empty() ? std::string() : title + ":\n" + entries_text(entries) + "\n";
}

std::string spaced_label(const FlagSpec& spec) {
  std::string text = label(spec);
  const size_t comma = text.find(',');
  if (spec.positional) return text;
  if (comma == std::string::npos) return (text.starts_with("--") ? "    " : "") + text;  // below the long names
  return text.substr(0, comma) + ", " + text.substr(comma + 1);
}

std::string examples_text(const std::vector<Example>& examples) {
  if (examples.empty()) return {};
  std::string out = "Examples:\n";
  for (const Example& example : examples) out += fmt::format("  # {}\n  {}\n\n", example.what, example.line);
  return out;
}

std::string global_line() {
  GlobalFlags globals;
  Flags flags;
  add_global_flags(flags, globals);
  std::vector<std::string> labels;
  for (const auto& spec : flags.all())
    if (!has_name(*spec, "-o")) labels.push_back(label(*spec));
  return wrapped("Global flags: " + join(labels, " · "), 0) + "\n";
}

std::string exit_line(Effect effect) {
  std::vector<std::string> parts;
  for (const ExitMeaning& e : exit_meanings(effect)) parts.push_back(fmt::format("{} {}", e.code, e.meaning));
  return wrapped("Exit codes: " + join(parts, " · "), 0) + "\n";
}

std::vector<Entry> commands_of(const std::vector<Command>& table, Effect effect, const std::string& group) {
  std::vector<Entry> entries;
  for (const Command& c : table)
    if (c.effect == effect && (group.empty() || c.info.name.starts_with(group + " ")))
      entries.push_back({c.info.name, c.info.summary});
  return entries;
}

std::string commands_text(const std::vector<Command>& table, const std::string& group) {
  return section("Commands that only look", commands_of(table, Effect::reads, group)) +
         section("Commands that change the host", commands_of(table, Effect::changes, group));
}

/// The first example of each command that `wanted` accepts.
template <class Wanted>
std::vector<Example> first_examples(const std::vector<Command>& table, Wanted wanted) {
  std::vector<Example> examples;
  for (const Command& c : table)
    if (wanted(c) && !c.info.examples.empty()) examples.push_back(c.info.examples.front());
  return examples;
}

}  // namespace

std::string help_overview(const std::vector<Command>& table) {
  constexpr std::array<std::string_view, 4> first_steps = {"validate", "diff", "apply", "get"};
  const auto examples = first_examples(table, [&](const Command& c) {
    return std::find(first_steps.begin(), first_steps.end(), c.info.name) != first_steps.end();
  });
  return wrapped(
             "orctl runs OpenResty gateways: every change is a plan first, shown, then carried out whole or not at "
             "all.",
             0) +
         "\n\n" + examples_text(examples) + "Usage:\n  orctl COMMAND [flags] [arguments]\n\n" +
         commands_text(table, "") + global_line() +
         "\n\"orctl COMMAND --help\" shows a command's examples and flags.\n";
}

std::string help_group(const std::vector<Command>& table, const std::string& group) {
  const auto examples = first_examples(table, [&](const Command& c) { return c.info.name.starts_with(group + " "); });
  return examples_text(examples) + fmt::format("Usage:\n  orctl {} COMMAND [flags] [arguments]\n\n", group) +
         commands_text(table, group) +
         fmt::format("\"orctl {} COMMAND --help\" shows a command's examples and flags.\n", group);
}

std::string help_command(const Command& command) {
  const Described described(command);
  std::vector<Entry> arguments, flags;
  for (const auto& spec : described.flags.all())
    (spec->positional ? arguments : flags).push_back({spaced_label(*spec), full_help(*spec)});
  if (has_output(command, described.flags)) flags.push_back({"-o, --output FORMAT", output_help(command.info)});

  std::string out = wrapped(command.info.summary + ".", 0) + "\n\n" + examples_text(command.info.examples);
  out += "Usage:\n  " + wrapped(usage_line(command, described.flags), 2) + "\n\n";
  for (std::string_view rest = trim(command.info.description); !rest.empty();) {
    const size_t end = std::min(rest.find("\n\n"), rest.size());
    std::string paragraph(rest.substr(0, end));
    std::replace(paragraph.begin(), paragraph.end(), '\n', ' ');
    out += wrapped(trim(paragraph), 0) + "\n\n";
    rest = trim(rest.substr(end));
  }
  out += section("Arguments", arguments) + section("Flags", flags) + global_line();
  return out + effect_text(command) + "\n" + exit_line(command.effect);
}

}  // namespace orctl
