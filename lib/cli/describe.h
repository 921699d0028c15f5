#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/main.h"

/// What parser, help, man and completion all say of a flag or command; the only place that reads it out of FlagSpec.
namespace orctl {

/// A command's call with its flags, for looking at: the defaults stand in the call's options.
struct Described {
  explicit Described(const Command& command);
  std::unique_ptr<Call> call;
  ListFlags list;
  Flags flags;
};

/// The global flags as data, bound to `g`.
void add_global_flags(Flags& f, GlobalFlags& g);

/// Adds to the flags of a command those of lists, bound to `l`, if it only looks and has a table; what it has a flag
/// of its own for stays its own.
void add_list_flags(const Command& command, Flags& f, ListFlags& l);

std::vector<std::string> names_of(const FlagSpec& spec);  ///< "-f", "--filename"
bool has_name(const FlagSpec& spec, std::string_view name);
bool share_a_name(const FlagSpec& a, const FlagSpec& b);
bool takes_value(const FlagSpec& spec);  ///< all but bool
bool repeats(const FlagSpec& spec);      ///< a vector
/// "FILE": given, or derived from the type and the long name.
std::string value_name(const FlagSpec& spec);
/// "-f,--filename FILE", "--dry-run", "INST".
std::string label(const FlagSpec& spec);
/// The value when the flag is absent; "" when there is none worth telling.
std::string default_text(const FlagSpec& spec);
/// The help text with choices, default, environment variable and "required" behind it.
std::string full_help(const FlagSpec& spec);
/// The formats that `-o` takes of this command, as full_help() has it: "format of the answer (table|json; default
/// table)".
std::string output_help(const CommandInfo& info);
/// Whether the command takes the global -o,--output: it has formats and gives -o no meaning of its own.
bool has_output(const Command& command, const Flags& flags);
/// "orctl drain INST/UP/SERVER --reason REASON [flags]".
std::string usage_line(const Command& command, const Flags& flags);
/// "Only reads." or "Changes the host."
std::string effect_text(const Command& command);
/// What the exit codes mean to a command of this effect: {"0", "done, or the answer is yes"}, ….
struct ExitMeaning {
  int code;
  std::string meaning;
};
std::vector<ExitMeaning> exit_meanings(Effect effect);
/// First words of two-word commands, each once, in the table's order: "name".
std::vector<std::string> groups(const std::vector<Command>& table);
/// The first word of a command's name.
std::string first_word(const Command& command);

}  // namespace orctl
