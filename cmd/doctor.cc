#include "answer/host_checks.h"
#include "change/leftovers.h"
#include "cli/command.h"
#include "cli/show_answer.h"
#include "manifest/config.h"

namespace orctl {
namespace {

struct Options {
  std::string binary;
};

void flags(Flags& f, Options& o) {
  f.add("--binary", o.binary, "the nginx or OpenResty to look at; absent: the one orctl would take").value("PATH");
}

/// What kills and half deletes left.
HostChecks stray_checks(const World& world) {
  HostChecks out;
  try {
    for (const Leftover& stray : strays(world)) out.push_back(stray_check(stray.path, stray.instance, world));
  } catch (const Error& e) {
    out.push_back({HostCheck::State::note, "stray", e.what(), "strays are not known without it"});
  }
  return out;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(checks_noun().kind);
  HostChecks all;
  const auto add = [&](HostChecks some) { all.insert(all.end(), some.begin(), some.end()); };
  const Config config = load_config(world.fs, world.env, world.layout);
  if (config.untrusted) add({{HostCheck::State::missing, "trust", config.untrusted->text, config.untrusted->hint}});
  if (!config.untrusted && !has_errors(config.found)) add(nginx_checks(o.binary, world));
  add(store_checks(world));
  add(stray_checks(world));
  add({supervisor_check(world)});
  add(config_checks(config));
  Value::Array items;
  for (const HostCheck& check : all) items.push_back(check_item(check));
  show_items(io, checks_noun(), items);
  return is_healthy(all) ? Exit::ok : Exit::no;
}

}  // namespace

Command doctor_command() {
  return command<Options>({"doctor",
                           "say what this host has and lacks",
                           {{"Look at this host", "orctl doctor"}},
                           "Exit code 1 when something that orctl needs is missing.",
                           {"table", "json"},
                           ConfigUse::told},
                          flags, run);
}

}  // namespace orctl
