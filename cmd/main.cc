#include "cli/main.h"

#include <malloc.h>

#include <iostream>

#include "base/layout.h"
#include "change/guards.h"
#include "manifest/config.h"
#include "shared/unsuccessful.h"
#include "sys/terminal.h"

namespace {

using namespace orctl;

/// systemd knows the units of the host's own root only; below another root orctl runs the processes itself.
Supervision supervision_for(const std::string& wanted, const std::string& root) {
  if (wanted == "systemd" && root != "/")
    throw Error(Exit::usage, "systemd runs no instances below --root " + root,
                "take systemd out of --supervisor, ORCTL_SUPERVISOR or the configuration: orctl config view");
  if (wanted == "process" || root != "/") return Supervision::process;
  if (Fs({}).exists("/run/systemd/system")) return Supervision::systemd;  // sd_booted(3)
  if (wanted == "auto") return Supervision::process;
  throw Error(Exit::target, "systemd does not run here: there is no /run/systemd/system", "say --supervisor process");
}

/// Keeps what is freed for what comes next: a large instance is made and put away several times over, and each time the
/// kernel would have to clear the pages anew.
void keep_memory() {
  constexpr int most = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, most);
  ::mallopt(M_TRIM_THRESHOLD, most);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  install_signal_handlers();
  take_usual_umask();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto make_world = [&](const GlobalFlags& globals, Trace trace) {
    const std::string root = Fs({}).resolved(globals.root);
    if (const auto there = Fs({}).follow(root); there && there->kind != Fs::Kind::folder)
      throw Error(Exit::usage, "--root: '" + root + "' is no folder", "name a folder, or one that is yet to be made");
    World world(trace, root);
    world.supervision = supervision_for(globals.supervisor, root);
    world.arguments = arguments;
    return world;
  };
  const auto load = [](const GlobalFlags& globals) {
    return load_config(Fs({}), Env(), Layout(Fs({}).resolved(globals.root)));
  };
  const auto gate = [](const Parsed& call, const World& world) {
    refuse_skipping(call.skipped_guards, call.config.policy, world);
    if (call.why && call.command->effect == Effect::changes)
      refuse_unexplained(call.why->reason, call.why->ticket, call.config.policy);
  };
  return run_cli(command_table(), arguments, make_world, std::cout, std::cerr,
                 {Env().is_terminal(1), Env().is_terminal(2), {terminal_width(1), [] { return reader_is_gone(1); }}},
                 load, gate, keep_unsuccessful);
}
