#include "engine/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"

namespace orctl {
namespace {

constexpr Millis start_limit(20000), kill_grace(5000);

/// The lines of nginx's output that say why; all of it when none is marked.
std::string emergencies(const std::string& text) {
  std::vector<std::string> found;
  for (const std::string& line : split(text, '\n')) {
    const size_t mark = line.find("[emerg]");
    if (mark == std::string::npos || line.find("still could not bind") != std::string::npos) continue;
    const std::string words = line.substr(mark + 8);
    // nginx tries to bind five times and says so five times
    if (found.empty() || found.back() != words) found.push_back(words);
  }
  return found.empty() ? std::string(trim(text)) : join(found, "; ");
}

}  // namespace

bool Supervisor::is_master(const World& world, int pid) const {
  const std::string command = world.proc.command_line(pid) + " ";
  return command.compare(0, 21, "nginx: master process") == 0 &&
         command.find(" -p " + tree_ + " ") != std::string::npos && world.proc.alive(pid);
}

int Supervisor::master(const World& world) const {
  if (world.fs.exists(layout_.pid(name_))) {
    const auto pid = parse_number(trim(world.fs.read(layout_.pid(name_), 64)), 1 << 30);
    if (pid && is_master(world, static_cast<int>(*pid))) return static_cast<int>(*pid);
  }
  const auto all = masters(world);
  return all.empty() ? 0 : all.front();
}

std::vector<int> Supervisor::masters(const World& world) const {
  std::vector<int> found;
  for (const int pid : world.proc.all())
    if (is_master(world, pid)) found.push_back(pid);
  return found;
}

std::vector<int> Supervisor::orphans(const World& world) const {
  const std::string log = layout_.logs(name_) + "/error.log";
  const std::vector<int> ours = masters(world);
  std::vector<int> found;
  for (const int pid : world.proc.all()) {
    if (world.proc.command_line(pid).compare(0, 13, "nginx: worker") != 0 || !world.proc.alive(pid)) continue;
    const bool has_master = std::any_of(ours.begin(), ours.end(), [&](int master) {
      const auto children = world.proc.children(master);
      return std::find(children.begin(), children.end(), pid) != children.end();
    });
    if (!has_master && world.proc.has_open(pid, log)) found.push_back(pid);
  }
  return found;
}

void Supervisor::end_orphans(World& world) const {
  for (const int pid : orphans(world)) {
    world.proc.signal(pid, SIGTERM);
    if (!world.proc.wait_gone(pid, Deadline::in(kill_grace))) world.proc.signal(pid, SIGKILL);
    world.proc.wait_gone(pid, Deadline::in(kill_grace));
  }
}

std::vector<std::string> Supervisor::make_folders(World& world, const Target& target) const {
  std::vector<std::string> made;
  for (const std::string& folder : {layout_.run(name_), layout_.state(name_), layout_.logs(name_)}) {
    if (world.fs.exists(folder)) continue;
    world.fs.make_folders(folder, 0755);
    world.fs.chmod(folder, 0750);
    made.push_back(folder);
  }
  if (!made.empty() && !target.user.empty()) world.fs.chown(layout_.state(name_), target.user);
  return made;
}

void Supervisor::start(World& world, const Target& target) const {
  make_folders(world, target);
  end_orphans(world);
  if (world.fs.exists(layout_.admin_socket(name_)))
    world.fs.remove(layout_.admin_socket(name_));  // nobody listens: a stale one stops the start
  std::vector<std::string> argv = {target.binary};
  if (target.stderr_option) argv.insert(argv.end(), {"-e", "stderr"});
  argv.insert(argv.end(), {"-p", tree_, "-c", "nginx.conf"});
  // a master that is about to become a daemon cannot be found and ended: it starts whole, and is stopped afterwards
  const Uninterrupted shield;
  const Proc::Result result = world.proc.run(argv, start_limit);
  if (result.status != 0) {
    const std::string words = emergencies(result.err + result.out);
    const bool port = words.find("Address already in use") != std::string::npos;
    throw Error(Exit::target, "nginx did not start: " + words,
                port ? "find who listens there: ss -ltnp" : "see " + layout_.logs(name_) + "/error.log");
  }
  // the process we started ends as soon as it has made the daemon, which only then writes its pid and takes its title
  const Deadline soon = Deadline::in(kill_grace);
  while (master(world) == 0) {
    if (soon.passed())
      throw Error(Exit::target, "nginx started, but ended at once", "see " + layout_.logs(name_) + "/error.log");
    world.clock.pause(Millis(2));
  }
  if (world.fs.exists(layout_.admin_socket(name_)))
    world.fs.chmod(layout_.admin_socket(name_), 0600);  // nginx makes it 0666
}

void Supervisor::reload(World& world) const {
  const int pid = master(world);
  if (pid == 0) throw Error(Exit::target, name_ + " is not running", "orctl start " + name_);
  world.proc.signal(pid, SIGHUP);
}

void Supervisor::stop(World& world, Millis drain) const {
  for (const int pid : masters(world)) {
    std::vector<int> family = world.proc.children(pid);
    world.proc.signal(pid, SIGQUIT);
    if (!world.proc.wait_gone(pid, Deadline::in(drain))) world.proc.signal(pid, SIGTERM);
    if (!world.proc.wait_gone(pid, Deadline::in(kill_grace))) {
      for (const int child : world.proc.children(pid)) family.push_back(child);
      world.proc.signal(pid, SIGKILL);
    }
    world.proc.wait_gone(pid, Deadline::in(kill_grace));
    for (const int child : family) {
      if (!world.proc.wait_gone(child, Deadline::in(Millis(1000)))) world.proc.signal(child, SIGKILL);
      world.proc.wait_gone(child, Deadline::in(kill_grace));
    }
    if (world.proc.alive(pid))
      throw Error(Exit::target, fmt::format("nginx (pid {}) does not end, not even by SIGKILL", pid),
                  "it hangs in the kernel: see /proc/" + std::to_string(pid) + "/stack");
  }
  end_orphans(world);
  world.fs.remove(layout_.pid(name_));
  world.fs.remove(layout_.admin_socket(name_));
}

}  // namespace orctl
