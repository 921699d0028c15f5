// Of Supervisor (supervisor.h): the exchange of a running binary.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "host/supervisor.h"

/// An upgrade of the binary, and what is left when it was killed: nginx renames its pid file to nginx.pid.oldbin, and
/// back when the new binary ends.
namespace orctl {
namespace {

constexpr Millis start_limit(20000), grace(5000), poll_interval(10);

}  // namespace

int Supervisor::upgrading(const World& world) const { return pid_in(world, old_pid_file()); }

bool Supervisor::has_new_master(const World& world) const {
  const int now = pid_in(world, layout_.pid(name_));
  return now != 0 && now != upgrading(world);
}

int Supervisor::upgrade(World& world) const {
  const int old_master = master(world);
  if (old_master == 0) throw Error(Exit::target, name_ + " is not running", "orctl start " + name_);
  const Uninterrupted shield;
  world.fs.remove(old_pid_file());  // of one that was killed: it names nobody
  world.proc.signal(old_master, SIGUSR2);
  const Deadline limit = Deadline::in(start_limit);
  bool begun = false;
  for (;; world.clock.pause(poll_interval)) {
    const bool moved = world.fs.exists(old_pid_file());
    if (upgrading(world) == old_master && has_new_master(world)) return old_master;
    begun = begun || moved;
    if ((begun && !moved) || limit.passed())
      throw Error(Exit::target, "the new binary did not come up; the old one serves on",
                  "see " + layout_.logs(name_) + "/error.log");
  }
}

void Supervisor::require_same_binary(const World& world, int master, const std::string& binary) const {
  if (master == 0) return;  // upgrade() says so
  const std::string title = std::string(master_title) + " ", command = world.proc.command_line(master);
  const std::string called = command.substr(title.size(), command.find(' ', title.size()) - title.size());
  const auto same = [&] { return called == binary || world.fs.resolved(called) == world.fs.resolved(binary); };
  if (command.starts_with(title) && same()) return;
  throw Error(Exit::target,
              fmt::format("{}: its master (pid {}) was started as '{}', and would run that again instead of '{}'",
                          name_, master, called, binary),
              "orctl restart " + name_);
}

bool Supervisor::await_new_master(const World& world) const {
  for (const Deadline limit = Deadline::in(start_limit); !limit.passed(); world.clock.pause(poll_interval)) {
    if (upgrading(world) == 0 || has_new_master(world)) return true;
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for the new nginx of " + name_);
  }
  return false;
}

void Supervisor::retire(World& world, int old_master, Millis drain) const {
  const Uninterrupted shield;  // there is no way back
  end_master(world, old_master, drain);
  if (upgrading(world) == 0) world.fs.remove(old_pid_file());  // of one that had to be killed
  if (world.supervision != Supervision::systemd) return;
  // systemd reads the pid file when the process that it knew has gone
  const Deadline limit = Deadline::in(grace);
  while (!in_unit(world, master(world))) {
    if (limit.passed())
      throw Error(Exit::target, "systemd does not follow the new master of " + layout_.unit_name(name_),
                  "look with: systemctl status " + layout_.unit_name(name_));
    world.clock.pause(Millis(20));
  }
}

/// A new binary that is starting has not taken a master's title yet.
void Supervisor::end_newcomers(World& world, int old_master) const {
  for (const int pid : world.proc.children(old_master)) {
    const ProcessHandle child = world.proc.hold(pid);
    const std::string command = world.proc.command_line(pid) + " ";
    if (command.starts_with("nginx: ") || command.find(" -p " + tree_ + " ") == std::string::npos) continue;
    world.proc.signal(child, SIGKILL);
    world.proc.wait_gone(child, Deadline::in(grace));
  }
}

void Supervisor::revert(World& world, int old_master) const {
  const Uninterrupted shield;
  if (!is_master(world, old_master))
    throw Error(Exit::target, fmt::format("the old nginx (pid {}) has ended meanwhile; the new one serves", old_master),
                "orctl status " + name_);
  end_newcomers(world, old_master);
  for (const int pid : masters(world))
    if (pid != old_master) end_master(world, pid, Millis(0));
  // the old one takes its pid file back when it has seen that its child is gone
  for (const Deadline limit = Deadline::in(grace); upgrading(world) != 0 && !limit.passed();)
    world.clock.pause(poll_interval);
}

bool Supervisor::is_leaving(const World& world, int master) const {
  const auto children = world.proc.children(master);
  return std::none_of(children.begin(), children.end(), [&](int pid) {
    const std::string title = world.proc.command_line(pid);
    return title.starts_with("nginx: worker process") && title.find("shutting down") == std::string::npos;
  });
}

void Supervisor::keep_only(World& world, int master, Millis drain) const {
  const Uninterrupted shield;
  for (const int pid : masters(world))
    if (pid != master) end_master(world, pid, drain);
  if (upgrading(world) == 0) world.fs.remove(old_pid_file());
  const std::string file = layout_.pid(name_);
  if (pid_in(world, file) != master) world.fs.write(file, std::to_string(master) + "\n");  // the other took it along
}

}  // namespace orctl
