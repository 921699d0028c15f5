// Of main.h: the manual page.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/describe.h"
#include "cli/main.h"

namespace orctl {

namespace {

/// `text` for a line of mdoc that no macro reads.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string line(std::string_view text) {
  const bool control = text.starts_with(".") || text.starts_with("'");
  return (control ? "\\&" : "") + escaped(text) + "\n";
}

/// `text` as one argument of a macro; \& keeps mdoc from taking it for a macro's name or punctuation.
std::string argument(std::string_view text) {
  std::string out = "\"\\&";
  for (const char c : escaped(text)) out += c == '"' ? "\\(dq" : std::string(1, c);
  return out + "\"";
}

std::string flag_macro(const FlagSpec& spec) {
  if (spec.positional) return "Ar " + argument(spec.names);
  std::vector<std::string> names;
  for (const std::string& name : names_of(spec)) names.push_back("Fl " + argument(name.substr(1)));
  return join(names, " , ") + (takes_value(spec) ? " Ar " + argument(value_name(spec)) : "");
}

std::string item(const FlagSpec& spec) { return ".It " + flag_macro(spec) + "\n" + line(full_help(spec) + "."); }

std::string paragraphs(const std::string& description) {
  std::string out;
  bool pending = false;
  for (const std::string& text : split(trim(description), '\n')) {
    const std::string_view words = trim(text);
    if (words.empty()) {
      pending = true;
      continue;
    }
    if (pending) out += ".Pp\n";
    pending = false;
    // mdoc wants each sentence on a line of its own
    size_t start = 0;
    for (size_t end = words.find(". "); end != words.npos; end = words.find(". ", start)) {
      out += line(words.substr(start, end + 1 - start));
      start = end + 2;
    }
    out += line(words.substr(start));
  }
  return out;
}

std::string examples_section(const std::vector<Example>& examples) {
  std::string out;
  for (const Example& example : examples) {
    out += ".Pp\n" + line(example.what + ":");
    out += ".Dl " + argument(example.line) + "\n";
  }
  return out;
}

std::string command_section(const Command& command) {
  const Described described(command);
  std::string out = ".Ss " + argument(command.info.name) + "\n" + line(command.info.summary + ".");
  out += line(effect_text(command));
  out += examples_section(command.info.examples);
  out += ".Pp\n" + line("Usage:") + ".Dl " + argument(usage_line(command, described.flags)) + "\n";
  if (!trim(command.info.description).empty()) out += ".Pp\n" + paragraphs(command.info.description);
  std::string items;
  for (const auto& spec : described.flags.all()) items += item(*spec);
  if (has_output(command, described.flags))
    items += ".It Fl o , Fl \\-output Ar FORMAT\n" + line(output_help(command.info) + ".");
  if (!items.empty()) out += ".Bl -tag -width Ds\n" + items + ".El\n";
  return out;
}

std::string global_items() {
  GlobalFlags globals;
  Flags flags;
  add_global_flags(flags, globals);
  std::string out;
  for (const auto& spec : flags.all()) out += item(*spec);
  return out;
}

/// Each variable that a flag reads, once.
std::string environment_items(const std::vector<Command>& table) {
  std::map<std::string, std::string> variables;
  const auto add = [&](const Flags& flags) {
    for (const auto& spec : flags.all())
      if (!spec->env.empty())
        variables[spec->env] = fmt::format("The value of {} when the flag is absent.", names_of(*spec).back());
  };
  GlobalFlags globals;
  Flags global;
  add_global_flags(global, globals);
  add(global);
  for (const Command& command : table) add(Described(command).flags);
  variables["NO_COLOR"] = "When set, nothing is coloured.";
  std::string out;
  for (const auto& [name, text] : variables) out += ".It Ev " + argument(name) + "\n" + line(text);
  return out;
}

}  // namespace

std::string man_page(const std::vector<Command>& table) {
  std::string out =
      ".\\\" Made from the command table; do not edit.\n"
      ".Dd November 21, 2026\n.Dt ORCTL 1\n.Os\n"
      ".Sh NAME\n.Nm orctl\n.Nd plan, apply and watch OpenResty gateways\n"
      ".Sh SYNOPSIS\n.Nm\n.Ar COMMAND\n.Op Ar flags\n.Op Ar arguments\n"
      ".Sh DESCRIPTION\n.Nm\nruns OpenResty gateways: every change is a plan first, shown, then carried out whole or "
      "not at all.\n"
      "The answer goes to standard output, progress and messages to standard error.\n"
      "These flags stand before or after every command:\n.Bl -tag -width Ds\n";
  out += global_items() + ".El\n.Sh COMMANDS\n";
  for (const Command& command : table) out += command_section(command);
  out +=
      ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n" + environment_items(table) + ".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n";
  for (const ExitMeaning& e : exit_meanings(Effect::changes))
    out += fmt::format(".It {}\n{}", e.code, line(e.meaning + "."));
  return out + ".El\n.Sh SEE ALSO\n.Xr nginx 8\n";
}

}  // namespace orctl
