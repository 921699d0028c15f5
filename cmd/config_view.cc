#include "answer/settings.h"
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

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("Config");
  const Config config = load_config(world.fs, world.env, world.layout);
  if (config.untrusted) throw Error(Exit::refused, config.untrusted->text, config.untrusted->hint);
  for (const Diagnostic& d : config.found) io.error(d);
  if (has_errors(config.found))
    throw Error(Exit::usage, "the configuration cannot be used", "mend what is marked above");
  const Value::Array items = setting_items(config, o.settings);
  for (const Value& item : items) io.item(item);
  io.print(settings_text(items, o.show_origin ? ShowOrigin::yes : ShowOrigin::no));
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
