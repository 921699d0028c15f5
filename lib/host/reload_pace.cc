#include "host/reload_pace.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace orctl {
namespace {

constexpr Millis apart(1000), poll_interval(20);
constexpr Millis same_generation(500);  // the workers of one reload begin within this
constexpr Millis config_is_read(2000);  // a master that begins workers has read its files within this
constexpr int64_t tick_ms = 10;         // start times are in USER_HZ, 100 a second everywhere on Linux (proc(5))
constexpr size_t most_before = 1;

struct Worker {
  int pid = 0;
  Millis born{0};  ///< since the machine started
};

struct Family {
  std::vector<Worker> serving, draining;
};

Millis born(const World& world, int pid) { return Millis(world.proc.start_ticks(pid) * tick_ms); }

Family family_of(const World& world, int master) {
  Family out;
  for (const int pid : world.proc.children(master)) {
    const std::string title = world.proc.command_line(pid);
    if (!title.starts_with("nginx: worker process") || !world.proc.alive(pid)) continue;
    const bool leaves = title.find("is shutting down") != std::string::npos;
    (leaves ? out.draining : out.serving).push_back({pid, born(world, pid)});
  }
  return out;
}

size_t generations(std::vector<Worker> workers) {
  std::sort(workers.begin(), workers.end(), [](const Worker& a, const Worker& b) { return a.born < b.born; });
  size_t n = 0;
  for (size_t i = 0; i < workers.size(); ++i)
    if (i == 0 || workers[i].born - workers[i - 1].born > same_generation) ++n;
  return n;
}

/// Whether the last reload or start is less than a second ago: closer ones could not be told apart by their workers.
bool is_fresh(const World& world, const std::vector<Worker>& serving) {
  const Millis now = world.clock.uptime();
  return std::any_of(serving.begin(), serving.end(),
                     [&](const Worker& w) { return w.born <= now && now - w.born < apart; });
}

std::string pids(const std::vector<Worker>& workers) {
  std::vector<std::string> all;
  for (const Worker& w : workers) all.push_back(std::to_string(w.pid));
  return join(all, " ");
}

}  // namespace

void await_reload_turn(const World& world, const std::string& name, int master, Millis limit,
                       const std::function<void(const std::string&)>& note) {
  const Deadline deadline = Deadline::in(limit);
  for (bool told = false;;) {
    const Family now = family_of(world, master);
    const bool crowded = generations(now.draining) > most_before;
    if (!crowded && !is_fresh(world, now.serving)) return;
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for the workers of earlier reloads");
    if (crowded && deadline.passed())
      throw Error(Exit::timeout,
                  fmt::format("{}: after {} the workers of earlier reloads still end their requests (pids {}); nothing "
                              "was changed",
                              name, span_text(limit), pids(now.draining)),
                  fmt::format("wait for them, or end their requests now: kill -TERM {}; a smaller "
                              "nginx.worker_shutdown_timeout ends them sooner",
                              pids(now.draining)));
    if (crowded && !told) {
      told = true;
      note(fmt::format("{}: waiting for workers of earlier reloads that still end their requests: {}", name,
                       pids(now.draining)));
    }
    world.clock.pause(poll_interval);
  }
}

bool was_reloaded_since(const World& world, int master, Millis moment) {
  const std::vector<Worker> serving = family_of(world, master).serving;
  return !serving.empty() &&
         std::all_of(serving.begin(), serving.end(), [&](const Worker& w) { return w.born > moment + config_is_read; });
}

}  // namespace orctl
