#include "change/confirm_timer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rights.h"
#include "base/text.h"
#include "host/child_words.h"
#include "host/systemd.h"
#include "render/unit.h"

namespace orctl {
namespace {

/// Whether it means itself in a unit: no blank, quote, specifier or variable.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+:").find(c) != std::string_view::npos;
  });
}

/// PATH as nginx was found by it; empty when it cannot stand in a unit.
std::string path_line(const World& world) {
  const std::string path = world.env.get("PATH");
  return path.empty() || !is_plain(path) ? "" : "Environment=PATH=" + path + "\n";
}

std::string service_text(const std::string& name, const std::vector<std::string>& call, const World& world) {
  return fmt::format(
      "# Written by orctl; gone as soon as the change is confirmed or taken back.\n"
      "[Unit]\nDescription=Take back what nobody confirmed of {}\nAfter={}\n\n"
      "[Service]\nType=oneshot\nExecStart={}\n{}{}\n",
      name, world.layout.unit_name(name), join(call, " "), path_line(world),
      join(orctl_confinement(call.front(), world.layout), "\n"));
}

std::string timer_text(const std::string& name, Millis within) {
  return fmt::format(
      "# Written by orctl; gone as soon as the change is confirmed or taken back.\n"
      "[Unit]\nDescription=Time to confirm a change of {}\n\n"
      "[Timer]\nOnActiveSec={}ms\nAccuracySec=100ms\n\n"
      "[Install]\nWantedBy=timers.target\n",
      name, within.count());
}

/// Whether orctl runs at all in the unit that is to take the change back, before anything goes live: what keeps it from
/// that (a path that is hidden there, a mount that forbids it) would leave a change that nobody confirmed.
void try_confinement(const std::string& name, const std::string& program, World& world) {
  const std::string scratch = world.layout.confirm_trial(name);
  world.fs.make_folders(scratch, rights::secret_folder);
  const Proc::Result result =
      systemd::run_confined(world, world.layout.confirm_trial_name(name), orctl_confinement(program, world.layout),
                            {program, "version"}, scratch);
  world.fs.remove(scratch);
  if (result.status == 0) return;
  std::string words = split(why_failed(result), '\n').front();
  if (words.ends_with('.')) words.pop_back();
  throw Error(
      Exit::refused, fmt::format("'{}' does not run in the unit that would take the change back: {}", program, words),
      fmt::format("install it in /usr/local/bin, or see: journalctl -u {}", world.layout.confirm_trial_name(name)));
}

}  // namespace

void start_confirm_timer(const std::string& name, Millis within, Millis verify_limit, World& world) {
  const bool systemd = world.supervision == Supervision::systemd;
  const std::vector<std::string> call = {world.env.program(),
                                         "--root",
                                         world.root,
                                         "--supervisor",
                                         systemd ? "systemd" : "process",
                                         "confirm",
                                         "--expired",
                                         name,
                                         "--lock-timeout",
                                         "1h",
                                         "--verify-timeout",
                                         fmt::format("{}ms", verify_limit.count())};
  if (!systemd) return world.proc.detach(call);
  if (!is_plain(call.front()))
    throw Error(Exit::refused, fmt::format("the path of orctl, '{}', cannot stand in a unit", call.front()),
                "install it where the path has only a-z, A-Z, 0-9 and . _ - +, such as /usr/local/bin/orctl");
  try_confinement(name, call.front(), world);
  const std::string unit = world.layout.confirm_unit(name);
  world.fs.write(unit + ".service", service_text(name, call, world));
  world.fs.write(unit + ".timer", timer_text(name, within));
  systemd::reload_daemon(world);
  systemd::start_timer(world, world.layout.confirm_unit_name(name) + ".timer");
}

void stop_confirm_timer(const std::string& name, World& world) {
  if (world.supervision == Supervision::systemd) systemd::end_confined(world, world.layout.confirm_trial_name(name));
  const std::string unit = world.layout.confirm_unit(name), timer = unit + ".timer", service = unit + ".service";
  if (!world.fs.exists(timer) && !world.fs.exists(service)) return;
  const bool systemd = world.supervision == Supervision::systemd;
  if (systemd && world.fs.exists(timer)) systemd::stop_timer(world, world.layout.confirm_unit_name(name) + ".timer");
  world.fs.remove(timer);
  world.fs.remove(service);
  if (!systemd) return;
  systemd::reload_daemon(world);
  systemd::reset_failed(world, world.layout.confirm_unit_name(name) + ".service");
}

}  // namespace orctl
