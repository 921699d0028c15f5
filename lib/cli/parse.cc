// Of main.h: the command line, by CLI11.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <map>

#include "base/text.h"
#include "cli/describe.h"
#include "cli/find_command.h"
#include "cli/main.h"
#include "cli/output.h"
#include "model/secrets.h"
#include "model/selector.h"

// CLI11 splits argv into options and their texts, and nothing more: it never reads a number, the environment, a
// required option or a positional, because what it does with them surprises users of kubectl.
namespace orctl {

namespace {

using Words = std::vector<std::string>;
using Lookup = std::function<std::string(const std::string&)>;

Error usage(const std::string& message, std::string hint = {}) { return {Exit::usage, message, std::move(hint)}; }

std::string did_you_mean(const std::string& word, const Words& candidates) {
  const auto near = nearest(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : std::string();
}

/// The flags of one call: its own and the global ones that it does not shadow.
class CallFlags {
 public:
  CallFlags(const Command& command, Call& call, GlobalFlags& globals) {
    call.flags(own_);
    add_list_flags(command, own_, globals.list);
    add_global_flags(global_, globals);
    for (const auto& spec : own_.all()) (spec->positional ? positionals_ : flags_).push_back(spec.get());
    for (const auto& spec : global_.all()) {
      const auto shadows = [&](const auto& own) { return share_a_name(*spec, *own); };
      if (std::none_of(own_.all().begin(), own_.all().end(), shadows)) flags_.push_back(spec.get());
    }
  }

  const std::vector<const FlagSpec*>& flags() const { return flags_; }
  const std::vector<const FlagSpec*>& positionals() const { return positionals_; }
  std::vector<Setting>* settings() const { return own_.settings(); }
  const FlagSpec* find(std::string_view name) const {
    for (const FlagSpec* spec : flags_)
      if (has_name(*spec, name)) return spec;
    return nullptr;
  }
  Words names() const {
    Words all;
    for (const FlagSpec* spec : flags_)
      for (const std::string& name : names_of(*spec)) all.push_back(name);
    return all;
  }

 private:
  Flags own_, global_;
  std::vector<const FlagSpec*> flags_, positionals_;
};

std::string before_equals(const std::string& arg) { return arg.substr(0, arg.find('=')); }

Error needs_value(const FlagSpec& spec) {
  return usage(fmt::format("{} needs a value", label(spec)),
               fmt::format("a value that begins with - is written as {}=VALUE", names_of(spec).back()));
}

/// "-o=json", also at the end of a cluster, as "-ojson": CLI11 would make the value "=json".
std::string without_short_equals(const CallFlags& flags, const std::string& arg) {
  if (arg.size() < 4 || arg[0] != '-' || arg[1] == '-') return arg;
  for (size_t i = 1; i + 2 < arg.size(); ++i) {
    const FlagSpec* spec = flags.find(std::string("-") + arg[i]);
    if (spec == nullptr) return arg;
    if (takes_value(*spec)) return arg[i + 1] == '=' ? arg.substr(0, i + 1) + arg.substr(i + 2) : arg;
  }
  return arg;
}

/// `args` as CLI11 reads them rightly: "--reason=" would take the next argument as its value, and "-f --dry-run" would
/// take the flag for a file.
Words without_traps(const CallFlags& flags, const Words& args) {
  Words out;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string name = before_equals(args[i]);
    const FlagSpec* spec = flags.find(name);
    const bool empty_value = args[i] == name + "=", is_long = name.starts_with("--");
    if (spec != nullptr && name != args[i] && (empty_value || !is_long) && !takes_value(*spec))
      throw usage(fmt::format("{} takes no value", name));
    if (spec != nullptr && empty_value) {
      out.insert(out.end(), {name, ""});
      continue;
    }
    out.push_back(without_short_equals(flags, args[i]));
    if (spec == nullptr || !takes_value(*spec) || name != args[i]) continue;
    if (i + 1 == args.size() || flags.find(before_equals(args[i + 1])) != nullptr) throw needs_value(*spec);
    out.push_back(args[++i]);
  }
  return out;
}

struct Texts {
  std::map<const FlagSpec*, Words> of_flag;
  Words rest;  ///< positionals and unknown flags, in order
};

Texts run_cli11(const CallFlags& flags, Words args) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  std::map<const FlagSpec*, CLI::Option*> options;
  for (const FlagSpec* spec : flags.flags()) {
    if (takes_value(*spec))
      options[spec] = app.add_option(join(names_of(*spec), ","), [](const CLI::results_t&) { return true; });
    else
      options[spec] = app.add_flag(join(names_of(*spec), ","));
    options[spec]->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  std::reverse(args.begin(), args.end());
  try {
    app.parse(args);
  } catch (const CLI::ParseError& e) {
    const std::string what = e.what();
    if (const FlagSpec* spec = flags.find(what.substr(0, what.find(':')))) throw needs_value(*spec);
    throw usage(what);
  }
  Texts texts;
  for (const auto& [spec, option] : options) texts.of_flag[spec] = option->results();
  texts.rest = app.remaining();
  return texts;
}

void refuse_unknown_flags(const CallFlags& flags, const std::string& command, const Words& rest) {
  for (const std::string& arg : rest) {
    if (arg.size() < 2 || arg[0] != '-') continue;
    if (arg.find_first_not_of("0123456789", 1) == std::string::npos) continue;  // "-1": the revision before
    const std::string name = before_equals(arg);
    std::string hint = did_you_mean(name, flags.names());
    if (hint.empty()) hint = fmt::format("\"orctl {} --help\" lists its flags", command);
    throw usage(fmt::format("unknown flag \"{}\" of \"{}\"", name, command), hint);
  }
}

/// Puts the texts given for one flag into its target.
class Assign {
 public:
  Assign(const FlagSpec& spec, std::string subject, Words values)
      : spec_(spec), subject_(std::move(subject)), values_(std::move(values)) {
    for (std::string& value : values_)
      for (const auto& [word, choice] : spec.also)
        if (value == word) value = choice;
  }

  void all() const {
    if (values_.empty()) return;
    for (const std::string& value : values_) refuse_other_than_choices(value);
    if (spec_.kept) refuse_secrets();
    std::visit([this](auto* target) { set(*target); }, spec_.target);
  }

 private:
  void refuse_secrets() const {
    for (const std::string& value : values_)
      if (const auto found = find_secrets(value); !found.empty())
        throw usage(fmt::format("{}: the text holds {}, and it is kept for ever", subject_, found[0].what),
                    "say it without the secret, and change that secret: other users may have seen the command line");
  }
  void refuse_other_than_choices(const std::string& value) const {
    const Words& choices = spec_.choices;
    if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
    throw usage(fmt::format("{}: \"{}\" is none of {}", subject_, value, join(choices, ", ")),
                did_you_mean(value, choices));
  }
  void set(bool& target) const {
    const std::string& value = values_.back();
    if (value != "true" && value != "false")
      throw usage(fmt::format("{}: \"{}\" is neither true nor false", subject_, value));
    target = value == "true";
  }
  void set(int& target) const {
    const auto n = parse_number(values_.back(), std::numeric_limits<int>::max());
    if (!n)
      throw usage(
          fmt::format("{}: \"{}\" is no number", subject_, values_.back()),
          fmt::format("a decimal number without sign or leading zeros, at most {}", std::numeric_limits<int>::max()));
    target = static_cast<int>(*n);
  }
  void set(std::chrono::milliseconds& target) const {
    const auto span = parse_duration(values_.back());
    if (!span)
      throw usage(fmt::format("{}: \"{}\" is no duration", subject_, values_.back()),
                  "write it as 500ms, 3s, 5m or 1h");
    target = *span;
  }
  void set(std::string& target) const { target = values_.back(); }
  void set(std::optional<std::string>& target) const { target = values_.back(); }
  void set(std::vector<std::string>& target) const { target = values_; }

  const FlagSpec& spec_;
  std::string subject_;
  Words values_;
};

bool is_output(const Words& outputs, const std::string& format) {
  return std::any_of(outputs.begin(), outputs.end(), [&](const std::string& o) {
    return o == format || (o.ends_with("=") && format.starts_with(o));  // "jsonpath=" takes whatever follows
  });
}

/// Gives the flags their values: the command line's, else the environment's, else the configuration's.
class FlagValues {
 public:
  FlagValues(const CallFlags& flags, const CommandInfo& info, const Lookup& env)
      : flags_(flags), info_(info), env_(env) {}

  void take_given(Texts& texts, Words& missing) {
    for (const FlagSpec* spec : flags_.flags()) {
      const Words& values = texts.of_flag[spec];
      const std::string name = names_of(*spec).back(), value = spec->env.empty() ? "" : env_(spec->env);
      if (!values.empty())
        take(*spec, name, values, "flag " + name);
      else if (!value.empty() && fits(*spec, value))
        take(*spec, spec->env, {value}, "env " + spec->env);
      else if (spec->required && !has_name(*spec, "--reason"))  // the Gate asks for that
        missing.push_back(label(*spec));
    }
  }

  /// nullopt when the command takes no reason, or a flag was given with which it needs none.
  std::optional<Why> why() const {
    std::optional<Why> out;
    for (const FlagSpec* spec : flags_.flags()) {
      const auto origin = origins_.find(spec);
      const std::string value = origin == origins_.end() ? "" : origin->second.value;
      if (spec->needs_no_reason && value == "true") return std::nullopt;
      if (spec->asks_reason && value != "true") return std::nullopt;
      const bool is_reason = has_name(*spec, "--reason");
      if (!is_reason && !has_name(*spec, "--ticket")) continue;
      if (!out) out.emplace();
      (is_reason ? out->reason : out->ticket) = value;
      if (is_reason) out->needs_reason = spec->required;
    }
    return out;
  }

  void take_configured(const Config& config) {
    for (const FlagSpec* spec : flags_.flags()) {
      const Setting* setting = spec->config.empty() || origins_.contains(spec) ? nullptr : config.find(spec->config);
      if (setting == nullptr || (spec->config == "color" && !env_("NO_COLOR").empty())) continue;
      const std::string& value = setting->value.as_string();
      if (fits(*spec, value)) take(*spec, setting->origin, {value}, setting->origin);
    }
  }

  /// Flags on the command line that skip a guard.
  Words skipped_guards(const Config& config) const {
    Words skipped;
    for (const auto& [spec, origin] : origins_) {
      if (!spec->skips_guard || !origin.from.starts_with("flag ")) continue;
      const Setting* limit = spec->config.empty() ? nullptr : config.find(spec->config);
      const auto at = [&all = spec->choices](const std::string& choice) {
        return std::find(all.begin(), all.end(), choice);
      };
      if (takes_value(*spec) ? limit != nullptr && at(origin.value) > at(limit->value.as_string())
                             : origin.value == "true")
        skipped.push_back(origin.from.substr(5));
    }
    return skipped;
  }

  std::vector<Setting> settings() const {
    std::vector<Setting> all;
    for (const FlagSpec* spec : flags_.flags()) {
      if (spec->config.empty()) continue;
      const auto origin = origins_.find(spec);
      const std::string value = default_text(*spec);
      all.push_back({spec->config, value.empty() ? Value() : Value(value),
                     origin == origins_.end() ? "default" : origin->second.from});
    }
    return all;
  }

 private:
  struct Origin {
    std::string value, from;
  };

  /// Whether a value that was not given on the command line is for this command: not each has each format.
  bool fits(const FlagSpec& spec, const std::string& value) const {
    if (spec.config != "output") return true;
    if (!is_choice("output", value))
      throw usage(fmt::format("{}: \"{}\" is no format of any command", spec.env, value),
                  "one of them: text, table, wide, json, jsonl, name, toml");
    return is_output(formats_of(info_), value);
  }

  void take(const FlagSpec& spec, const std::string& subject, const Words& values, const std::string& from) {
    Assign(spec, subject, values).all();
    origins_[&spec] = {values.back(), from};
  }

  const CallFlags& flags_;
  const CommandInfo& info_;
  const Lookup& env_;
  std::map<const FlagSpec*, Origin> origins_;
};

void assign_positionals(const CallFlags& flags, const std::string& command, Words values, Words& missing) {
  const auto& all = flags.positionals();
  size_t behind = all.size();  // what a vector must leave over
  for (const FlagSpec* spec : all) {
    --behind;
    size_t take = values.empty() ? 0 : 1;
    if (repeats(*spec)) take = values.size() - std::min(values.size(), behind);
    const Words taken(values.begin(), values.begin() + static_cast<ptrdiff_t>(take));
    values.erase(values.begin(), values.begin() + static_cast<ptrdiff_t>(take));
    Assign(*spec, spec->names, taken).all();
    if (taken.empty() && spec->required) missing.push_back(label(*spec));
  }
  if (values.empty()) return;
  throw usage(fmt::format("unexpected argument \"{}\"", values.front()),
              all.empty() ? fmt::format("\"orctl {}\" takes flags only", command)
                          : fmt::format("\"orctl {} --help\" shows what it takes", command));
}

/// What cannot be read is told before anything is asked.
void check_list(const GlobalFlags& globals) {
  const ListFlags& list = globals.list;
  if (!list.sort_by.empty()) FieldPath{list.sort_by};
  if (!list.field_selector.empty()) FieldSelector{list.field_selector};
  if ((list.watch || list.watch_only) && (globals.output == "json" || globals.output == "toml"))
    throw usage("-w goes on, and -o " + globals.output + " is one document", "-o jsonl has an item a line");
}

void check_globals(const GlobalFlags& globals, const CommandInfo& info) {
  if (globals.root.empty()) throw usage("--root: the folder's name is empty", "leave it out to mean /");
  check_list(globals);
  const Words formats = formats_of(info);
  if (globals.output.empty()) return;
  if (is_output(formats, globals.output)) return void(Output(globals.output));
  if (info.outputs.empty()) throw usage(fmt::format("\"{}\" has one format only", info.name), "leave out -o,--output");
  throw usage(fmt::format("-o: \"{}\" is none of {}", globals.output, join(formats, ", ")),
              did_you_mean(globals.output, formats));
}

}  // namespace

Parsed parse(const std::vector<Command>& table, const std::vector<std::string>& args, const Lookup& env,
             std::string& wanted_output, const ConfigLoader& load) {
  wanted_output = find_output(args);
  if (wanted_output.empty()) wanted_output = env("ORCTL_OUTPUT");
  FoundCommand found = find_command(table, args);
  Parsed parsed;
  parsed.command = found.command;
  parsed.topic = found.topic;
  parsed.globals.help = found.help;
  if (found.help) return parsed;

  const CommandInfo& info = found.command->info;
  parsed.call = found.command->make();
  const CallFlags flags(*found.command, *parsed.call, parsed.globals);
  Texts texts = run_cli11(flags, without_traps(flags, found.flags));
  refuse_unknown_flags(flags, info.name, texts.rest);
  Words missing;
  FlagValues values(flags, info, env);
  values.take_given(texts, missing);
  if (parsed.globals.help) return parsed;  // in a cluster such as -vh
  texts.rest.insert(texts.rest.end(), found.operands.begin(), found.operands.end());
  parsed.operands = texts.rest;
  parsed.why = values.why();
  assign_positionals(flags, info.name, texts.rest, missing);
  if (!missing.empty())
    throw usage(fmt::format("missing {}", join(missing, ", ")),
                fmt::format("\"orctl {} --help\" shows examples", info.name));
  check_globals(parsed.globals, info);
  if (!load || info.config == ConfigUse::none) return parsed;
  parsed.config = load(parsed.globals);
  if (!has_errors(parsed.config.found)) values.take_configured(parsed.config);
  parsed.skipped_guards = values.skipped_guards(parsed.config);
  if (flags.settings() != nullptr) *flags.settings() = values.settings();
  return parsed;
}

}  // namespace orctl
