#include <fmt/format.h>

#include "base/text.h"
#include "manifest/config.h"
#include "shared/change.h"

namespace orctl {
namespace {

struct Options {
  bool show_origin = false;
  ChangeFlags times;
  std::vector<Setting> settings;
};

void flags(Flags& f, Options& o) {
  f.add("--show-origin", o.show_origin, "say where each value comes from: flag, environment, FILE:LINE or default");
  add_time_flags(f, o.times);
  f.tell_settings(o.settings);
}

/// What the files say, and over it what this call's flags and environment do.
std::vector<Setting> effective(const Config& config, const std::vector<Setting>& of_call) {
  std::vector<Setting> all = config.all();
  for (Setting& setting : all)
    for (const Setting& given : of_call)
      if (given.key == setting.key && given.origin != "default") setting = given;
  return all;
}

/// A string, or a list of strings.
std::string toml_text(const Value& value) {
  if (!value.is_array()) return to_json(value);
  std::vector<std::string> items;
  for (const Value& item : value.items()) items.push_back(to_json(item));
  return "[" + join(items, ", ") + "]";
}

std::string line_of_toml(const Setting& s, const std::string& name, bool show_origin) {
  const std::string comment = show_origin ? s.origin : "";
  if (s.value.is_null()) return show_origin ? fmt::format("{:<40} # {}\n", "# " + name + " is not set", comment) : "";
  const std::string line = name + " = " + toml_text(s.value);
  return show_origin ? fmt::format("{:<40} # {}\n", line, comment) : line + "\n";
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("Config");
  const Config config = load_config(world.fs, world.env, world.layout);
  if (config.untrusted) throw Error(Exit::refused, config.untrusted->text, config.untrusted->hint);
  for (const Diagnostic& d : config.found) io.error(d);
  if (has_errors(config.found))
    throw Error(Exit::usage, "the configuration cannot be used", "mend what is marked above");
  std::string table;
  for (const Setting& s : effective(config, o.settings)) {
    Value item = Value::object();
    item.set("key", s.key);
    item.set("value", s.value);
    item.set("origin", s.origin);
    io.item(std::move(item));
    const size_t dot = s.key.find('.');
    const std::string head = dot == std::string::npos ? "" : s.key.substr(0, dot);
    if (head != table) io.print(fmt::format("\n[{}]\n", head));
    table = head;
    io.print(line_of_toml(s, dot == std::string::npos ? s.key : s.key.substr(dot + 1), o.show_origin));
  }
  return Exit::ok;
}

}  // namespace

Command config_view_command() {
  return command<Options>(
      {"config view",
       "print the configuration that holds here, and where each value comes from",
       {{"See what holds, and who says so", "orctl config view --show-origin"},
        {"Learn a key", "orctl explain config.policy.risk"}},
       "A flag wins over the environment, and that over the files: config.toml in $XDG_CONFIG_HOME/orctl "
       "(~/.config/orctl) has only a user's preferences, /etc/orctl/config.toml has all keys, and alone the policy. A "
       "file with a fault stops every command but this one, doctor, version and completion, with exit code 2.",
       {"toml", "json"},
       ConfigUse::told},
      flags, run);
}

}  // namespace orctl
