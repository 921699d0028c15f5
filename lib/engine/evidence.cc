#include "engine/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace orctl {
namespace {

/// Looks (20 ms apart) after which what is seen is not the middle of something.
constexpr int mute_looks = 50, without_looks = 25;
/// More workers are not killed by people in the moment in which they start.
constexpr int most_short_lived = 4;

/// nginx gives a worker this title when its start is over, init_worker_by_lua included.
bool has_begun(const World& world, int pid) {
  const std::string title = world.proc.command_line(pid);
  return title.starts_with("nginx: worker process") && title.find("is shutting down") == std::string::npos;
}

/// Ended by people, or because it was told to by a reload of somebody else's.
bool is_peaceful(const std::string& end) {
  return end.ends_with(" exited on signal 9") || end.ends_with(" exited on signal 15") ||
         end.ends_with(" exited with code 0");
}

}  // namespace

void Evidence::before(const World& world, int master, Signal what) {
  old_workers_ = world.proc.children(master);
  newcomers_.clear();
  without_ = 0;
  idle_ = false;
  signalled_ = what == Signal::reload ? master : 0;
  slept_ = asleep_ = world.proc.sleep_of(master, SIGHUP);
}

void Evidence::look(const World& world, int master) {
  if (master != master_) newcomers_.clear();
  master_ = master;
  if (master == 0) return;
  // first how it sleeps, then whom it has: a master that has dealt with the signal has begun its workers
  const auto sleep = signalled_ == master && slept_ ? world.proc.sleep_of(master, SIGHUP) : std::nullopt;
  idle_ = sleep && sleep->ready && sleep->times > slept_->times && asleep_ && asleep_->times == sleep->times;
  asleep_ = sleep;
  const std::vector<int> children = world.proc.children(master);
  for (auto& [pid, one] : newcomers_) one.gone = !std::binary_search(children.begin(), children.end(), pid);
  for (const int pid : children) {
    if (std::find(old_workers_.begin(), old_workers_.end(), pid) != old_workers_.end()) continue;
    Newcomer& one = newcomers_[pid];
    one.begun = has_begun(world, pid);
  }
}

std::string Evidence::failure(const World& world, const std::optional<std::vector<WorkerReport>>& reports) {
  if (master_ == 0) return {};
  if (idle_ && newcomers_.empty()) return refused(world);
  if (const std::string fault = short_lived(world); !fault.empty()) return fault;
  if (!reports) return {};
  for (auto& [pid, one] : newcomers_) {
    one.reported = one.reported || std::any_of(reports->begin(), reports->end(),
                                               [&, worker = pid](const WorkerReport& w) { return w.pid == worker; });
    one.mute = one.begun && !one.reported && !one.gone ? one.mute + 1 : 0;
    if (one.mute < mute_looks) continue;
    const std::string words = log_.failed_start(world, pid);
    return words.empty() ? fmt::format("worker {} has started, and does not report what it serves", pid) : words;
  }
  return {};
}

std::string Evidence::refused(const World& world) const {
  const std::string words = log_.refusal(world, master_);
  return words.empty() ? fmt::format("nginx (pid {}) did not take the new configuration up", master_) : words;
}

/// Workers that end in their start are begun again at once, or, when they say that it is of no use, never.
std::string Evidence::short_lived(const World& world) {
  int ended = 0, left = 0, last = 0;
  for (const auto& [pid, one] : newcomers_) {
    if (!one.gone) ++left;
    if (!one.gone || one.reported || one.begun) continue;
    ++ended;
    last = pid;
  }
  without_ = left == 0 && ended != 0 ? without_ + 1 : 0;
  if (ended <= most_short_lived && without_ < without_looks) return {};
  std::string words = log_.failed_start(world, last);
  if (words.empty()) words = log_.end_of(world, master_, last);
  return words.empty() ? fmt::format("workers end while they start (the last one was {})", last) : words;
}

std::string Evidence::casualty(const World& world, const std::vector<int>& proved) const {
  const std::vector<int> children = world.proc.children(master_);
  for (const int pid : proved) {
    if (std::binary_search(children.begin(), children.end(), pid)) continue;
    const std::string end = log_.end_of(world, master_, pid);
    if (!end.empty() && !is_peaceful(end)) return end;
  }
  return {};
}

std::string Evidence::cry(const World& world) const {
  std::set<int> processes = {master_};
  for (const auto& [pid, one] : newcomers_) processes.insert(pid);
  return log_.cry(world, processes);
}
}  // namespace orctl
