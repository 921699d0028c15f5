#include "cli/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/output.h"

namespace orctl {

namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string duration_text(std::chrono::milliseconds span) {
  const auto ms = span.count();
  if (ms != 0 && ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms != 0 && ms % 60'000 == 0) return fmt::format("{}m", ms / 60'000);
  if (ms % 1000 == 0) return fmt::format("{}s", ms / 1000);
  return fmt::format("{}ms", ms);
}

std::string long_name(const FlagSpec& spec) {
  for (const std::string& name : names_of(spec))
    if (name.starts_with("--")) return name.substr(2);
  return {};
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '-') c = '_';
  }
  return text;
}

}  // namespace

Described::Described(const Command& command) : call(command.make()) {
  call->flags(flags);
  add_list_flags(command, flags, list);
}

void add_list_flags(const Command& command, Flags& f, ListFlags& l) {
  const std::vector<std::string>& outputs = command.info.outputs;
  if (command.effect != Effect::reads || std::find(outputs.begin(), outputs.end(), "table") == outputs.end()) return;
  const bool has_watch =
      std::any_of(f.all().begin(), f.all().end(), [](const auto& spec) { return has_name(*spec, "--watch"); });
  f.add("--sort-by", l.sort_by, "order the items by this field: .revision, .labels.team").value("FIELD");
  f.add("--field-selector", l.field_selector, "only items whose fields are so: status=running,revision!=1")
      .value("SELECTOR");
  f.add("--no-headers", l.no_headers, "leave out the head of the table");
  if (has_watch) return;
  f.add("-w,--watch", l.watch, "go on until interrupted, and show what is new or changed");
  f.add("--watch-only", l.watch_only, "watch, and leave out what is there already");
}

void add_global_flags(Flags& f, GlobalFlags& g) {
  f.add("-o,--output", g.output, "format of the answer").value("FORMAT").env("ORCTL_OUTPUT").config("output");
  f.add("--root", g.root, "folder that stands for / on the host").value("DIR").env("ORCTL_ROOT");
  f.add("--supervisor", g.supervisor, "what runs the instances; auto: systemd where it runs, unless --root is given")
      .choices({"auto", "systemd", "process"})
      .env("ORCTL_SUPERVISOR")
      .config("supervisor");
  f.add("--color", g.colour, "colours in the answer and in messages")
      .value("WHEN")
      .choices({"auto", "always", "never"})
      .env("ORCTL_COLOR")
      .config("color");
  f.add("-v,--verbose", g.verbose, "print every side effect on stderr");
  f.add("-h,--help", g.help, "show help");
}

std::vector<std::string> names_of(const FlagSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& name : split(spec.names, ',')) names.emplace_back(trim(name));
  return names;
}

bool has_name(const FlagSpec& spec, std::string_view name) {
  const auto names = names_of(spec);
  return !spec.positional && std::find(names.begin(), names.end(), name) != names.end();
}

bool share_a_name(const FlagSpec& a, const FlagSpec& b) {
  const auto names = names_of(a);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return has_name(b, name); });
}

bool takes_value(const FlagSpec& spec) { return spec.positional || !std::holds_alternative<bool*>(spec.target); }

bool repeats(const FlagSpec& spec) { return std::holds_alternative<std::vector<std::string>*>(spec.target); }

std::string value_name(const FlagSpec& spec) {
  if (!spec.value_name.empty()) return spec.value_name;
  if (spec.positional) return spec.names;
  if (std::holds_alternative<int*>(spec.target)) return "N";
  if (std::holds_alternative<std::chrono::milliseconds*>(spec.target)) return "DURATION";
  const std::string name = long_name(spec);
  return name.empty() ? "VALUE" : upper(name);
}

std::string label(const FlagSpec& spec) {
  if (spec.positional) return spec.names;
  const std::string names = join(names_of(spec), ",");
  return takes_value(spec) ? names + " " + value_name(spec) : names;
}

std::string default_text(const FlagSpec& spec) {
  if (spec.required) return {};
  return std::visit(Overloaded{[](const bool*) { return std::string(); },
                               [](const int* n) { return std::to_string(*n); }, [](const std::string* s) { return *s; },
                               [](const std::optional<std::string>* s) { return s->value_or(""); },
                               [](const std::vector<std::string>* all) { return join(*all, ", "); },
                               [](const std::chrono::milliseconds* d) { return duration_text(*d); }},
                    spec.target);
}

std::string full_help(const FlagSpec& spec) {
  std::vector<std::string> remarks;
  if (spec.required && !spec.positional) remarks.emplace_back("required");
  if (repeats(spec) && !spec.positional) remarks.emplace_back("repeats");
  if (!spec.choices.empty()) remarks.push_back(join(spec.choices, "|"));
  const std::string standard = default_text(spec);
  if (!standard.empty()) remarks.push_back("default " + standard);
  if (!spec.env.empty()) remarks.push_back("env " + spec.env);
  if (!spec.config.empty()) remarks.push_back("config " + spec.config);
  return remarks.empty() ? spec.help : fmt::format("{} ({})", spec.help, join(remarks, "; "));
}

std::string output_help(const CommandInfo& info) {
  return fmt::format("format of the answer ({}; default {})", join(formats_of(info), "|"), info.outputs.front());
}

bool has_output(const Command& command, const Flags& flags) {
  const auto own = [](const auto& spec) { return has_name(*spec, "-o") || has_name(*spec, "--output"); };
  return !command.info.outputs.empty() && std::none_of(flags.all().begin(), flags.all().end(), own);
}

std::string usage_line(const Command& command, const Flags& flags) {
  std::string line = "orctl " + command.info.name;
  bool optional_flags = false;
  std::string operands;
  for (const auto& spec : flags.all()) {
    const std::string dots = repeats(*spec) ? "..." : "";
    if (spec->positional)
      operands += spec->required ? fmt::format(" {}{}", spec->names, dots) : fmt::format(" [{}{}]", spec->names, dots);
    else if (spec->required)
      line += fmt::format(" {}{}", label(*spec), dots);
    else
      optional_flags = true;
  }
  return line + operands + (optional_flags ? " [flags]" : "");
}

std::string effect_text(const Command& command) {
  return command.effect == Effect::reads ? "Only reads." : "Changes the host.";
}

std::vector<ExitMeaning> exit_meanings(Effect effect) {
  if (effect == Effect::reads)
    return {{0, "done, or the answer is yes"},
            {1, "the answer is no"},
            {2, "wrong flags, arguments or configuration"},
            {3, "the input cannot be used"},
            {4, "cannot reach or authenticate"},
            {5, "the target answered with an error"},
            {6, "some could be told of, some not"},
            {8, "timeout"},
            {13, "what was named does not exist"},
            {130, "interrupted (143 by SIGTERM)"}};
  return {{0, "done"},
          {1, "the answer is no"},
          {2, "wrong flags, arguments or configuration"},
          {3, "bad input refused, nothing changed"},
          {4, "cannot reach or authenticate"},
          {5, "the target answered with an error"},
          {6, "some targets done, some not"},
          {7, "conflict: lock held, stale plan"},
          {8, "timeout"},
          {9, "refused by a guard that a flag can override"},
          {10, "changed, with --detailed-exitcode"},
          {11, "failed, and everything is as it was"},
          {12, "failed, and so did the roll-back"},
          {13, "what was named does not exist"},
          {130, "interrupted (143 by SIGTERM)"}};
}

std::vector<std::string> groups(const std::vector<Command>& table) {
  std::vector<std::string> all;
  for (const Command& command : table) {
    const std::string word = first_word(command);
    if (word != command.info.name && std::find(all.begin(), all.end(), word) == all.end()) all.push_back(word);
  }
  return all;
}

std::string first_word(const Command& command) { return command.info.name.substr(0, command.info.name.find(' ')); }

}  // namespace orctl
