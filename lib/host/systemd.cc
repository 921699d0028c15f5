#include "host/systemd.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "host/child_words.h"
#include "host/nginx_words.h"

namespace orctl::systemd {
namespace {

constexpr Millis ask_limit(10000), change_limit(90000), confined_limit(60000);
const std::string systemctl = "/usr/bin/systemctl", journalctl = "/usr/bin/journalctl";
const std::string confined_units = "/run/systemd/system/";

Error failed(const std::string& doing, const Proc::Result& result) {
  return {Exit::target, fmt::format("{} failed: {}", doing, why_failed(result)), "run it by hand: " + doing};
}

void change(World& world, std::vector<std::string> argv) {
  argv.insert(argv.begin(), systemctl);
  const Proc::Result result = world.proc.run(argv, change_limit);
  if (result.status != 0) throw failed(join(argv, " "), result);
}

/// What the unit's processes wrote in its newest run, the last lines of it.
std::string journal(const World& world, const std::string& unit) {
  const std::string invocation = show(world, unit).invocation;
  std::vector<std::string> argv = {journalctl, "--no-pager", "-q", "-o", "cat", "-n", "40", "-u", unit};
  if (!invocation.empty())  // both: what systemd says of the unit, and what its processes say
    argv = {journalctl, "--no-pager", "-q", "-o", "cat", "-n", "40", "_SYSTEMD_INVOCATION_ID=" + invocation};
  return world.proc.look(argv, ask_limit).out;
}

/// A start or reload that did not do: why, in nginx's words where it has any.
void change_unit(World& world, const char* verb, const std::string& unit, const char* failure) {
  const Proc::Result result = world.proc.run({systemctl, verb, unit}, change_limit);
  if (result.status == 0) return;
  const std::string words = emergencies(journal(world, unit));
  throw Error(Exit::target, fmt::format("{}: {}", failure, why_failed(result, words)),
              next_step(words, "journalctl -u " + unit));
}

}  // namespace

UnitState show(const World& world, const std::string& unit) {
  const Proc::Result result =
      world.proc.look({systemctl, "show", unit, "--no-pager",
                       "--property=LoadState,ActiveState,SubState,Result,UnitFileState,InvocationID,MainPID,NRestarts,"
                       "NeedDaemonReload,DropInPaths"},
                      ask_limit);
  if (result.status != 0) throw failed("systemctl show " + unit, result);
  std::map<std::string, std::string> said;
  for (const std::string& line : split(result.out, '\n')) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos) said[line.substr(0, equals)] = line.substr(equals + 1);
  }
  const auto number = [&](const char* key) { return static_cast<int>(parse_number(said[key], 1 << 30).value_or(0)); };
  UnitState state;
  state.loaded = said["LoadState"] == "loaded";
  state.masked = said["LoadState"] == "masked" || said["UnitFileState"].starts_with("masked");
  state.active = said["ActiveState"];
  state.sub = said["SubState"];
  state.result = said["Result"];
  state.enabled = said["UnitFileState"];
  state.invocation = said["InvocationID"];
  state.main_pid = number("MainPID");
  state.restarts = number("NRestarts");
  state.stale = said["NeedDaemonReload"] == "yes";
  if (!said["DropInPaths"].empty()) state.drop_ins = split(said["DropInPaths"], ' ');
  return state;
}

void reload_daemon(World& world) { change(world, {"daemon-reload"}); }
void enable(World& world, const std::string& unit) { change(world, {"enable", "--quiet", unit}); }
void disable(World& world, const std::string& unit) { change(world, {"disable", "--quiet", unit}); }

void start_timer(World& world, const std::string& timer) { change(world, {"enable", "--now", "--quiet", timer}); }

void stop_timer(World& world, const std::string& timer) { change(world, {"disable", "--now", "--quiet", timer}); }

void reset_failed(World& world, const std::string& unit) {
  world.proc.run({systemctl, "reset-failed", unit}, change_limit);  // it says no when systemd has nothing loaded
}

void start(World& world, const std::string& unit) {
  if (show(world, unit).stale) reload_daemon(world);  // somebody was killed between writing the file and saying so
  reset_failed(world, unit);
  change_unit(world, "start", unit, "nginx did not start");
}

void reload(World& world, const std::string& unit) { change_unit(world, "reload", unit, "nginx refuses to reload"); }

void stop(World& world, const std::string& unit, Millis limit) {
  if (!show(world, unit).loaded) return;
  if (limit.count() == 0) {
    change(world, {"stop", "--no-block", unit});
    // no error when it was faster
    world.proc.run({systemctl, "kill", "--signal=SIGTERM", unit}, change_limit);
  }
  const Proc::Result result = world.proc.run({systemctl, "stop", unit}, change_limit + limit);
  if (result.status != 0) throw failed("systemctl stop " + unit, result);
}

std::string confined_file(const std::string& unit) { return confined_units + unit; }

void end_confined(World& world, const std::string& unit) {
  const std::string file = confined_units + unit;
  if (!world.fs.exists(file)) return;
  world.proc.run({systemctl, "stop", unit}, change_limit);  // it says no when systemd knows nothing of it
  world.fs.remove(file);
}

// argv holds what a unit's ExecStart= holds, too: paths and options without blanks, quotes, `%` or `$` (Layout).
Proc::Result run_confined(World& world, const std::string& unit, const std::vector<std::string>& settings,
                          const std::vector<std::string>& argv, const std::string& scratch) {
  const std::string file = confined_units + unit, output = scratch + "/output";
  world.fs.make_folders(confined_units.substr(0, confined_units.size() - 1));
  world.fs.write(
      file, fmt::format("[Unit]\nCollectMode=inactive-or-failed\n[Service]\nType=oneshot\nTimeoutStartSec={}s\n{}\n"
                        "StandardOutput=truncate:{}\nStandardError=inherit\nExecStart={}\n",
                        std::chrono::duration_cast<std::chrono::seconds>(confined_limit).count(), join(settings, "\n"),
                        output, join(argv, " ")));
  if (show(world, unit).stale) reload_daemon(world);  // of one that was killed
  Proc::Result result = world.proc.run({systemctl, "start", unit}, change_limit);
  world.fs.remove(file);
  if (world.fs.exists(output)) result.err = world.fs.read(output) + (result.status == 0 ? "" : result.err);
  return result;
}

}  // namespace orctl::systemd
