#pragma once
#include <string>
#include <vector>

#include "sys/world.h"

/// systemd, by systemctl and journalctl: units are started, asked and told by the tools that people use too.
namespace orctl::systemd {

/// What `systemctl show` says of one unit.
struct UnitState {
  bool loaded = false;                ///< systemd knows the unit's file
  bool masked = false;                ///< nobody can start it until it is unmasked
  std::string active;                 ///< "active", "inactive", "failed", "activating", …
  std::string sub;                    ///< "running", "dead", "auto-restart", …
  std::string result;                 ///< "success", or how it ended: "exit-code", "signal", "start-limit-hit", …
  std::string enabled;                ///< "enabled": it starts at boot
  std::string invocation;             ///< id of the run that its newest journal lines belong to
  int main_pid = 0;                   ///< 0: none
  int restarts = 0;                   ///< by systemd itself, since it was started
  bool stale = false;                 ///< its file has changed since systemd read it
  std::vector<std::string> drop_ins;  ///< files that change the unit, those for all services among them
};

UnitState show(const World& world, const std::string& unit);

/// Makes systemd read all unit files anew.
void reload_daemon(World& world);
/// Starts at boot, or no longer.
void enable(World& world, const std::string& unit);
void disable(World& world, const std::string& unit);
/// The same at once too, for a timer.
void start_timer(World& world, const std::string& timer);
void stop_timer(World& world, const std::string& timer);
/// Forgets that it failed, and how often it was started; no error when there is nothing to forget.
void reset_failed(World& world, const std::string& unit);

/// Starts and waits until it has; an Error (Exit::target) with nginx's words from the journal when it does not.
void start(World& world, const std::string& unit);
/// Asks the unit to take up its configuration; an Error likewise when it refuses, the old one serves on.
void reload(World& world, const std::string& unit);
/// Stops and waits until it has. With `limit` 0 requests in flight are not waited for.
void stop(World& world, const std::string& unit, Millis limit);

/// Runs a program to its end as a unit of its own with `settings` ("Key=Value"), which is gone afterwards. Gives its
/// exit code, and in `err` all it wrote; `scratch` is a folder of root's for that. Needs no message bus, as systemd-run
/// does.
Proc::Result run_confined(World& world, const std::string& unit, const std::vector<std::string>& settings,
                          const std::vector<std::string>& argv, const std::string& scratch);

/// The file of such a unit while it runs.
std::string confined_file(const std::string& unit);

/// Ends such a unit that a kill of ours left, and removes its file.
void end_confined(World& world, const std::string& unit);

}  // namespace orctl::systemd
