#include "live/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "gateway/gateway.h"

namespace orctl {
namespace {

/// What is seen for longer is not the middle of something.
constexpr Millis longest_mute(1000), longest_without(500);
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

/// Whether `is` has been true for `span`; `since` remembers from when on.
bool lasts(std::optional<Millis>& since, bool is, Millis now, Millis span) {
  if (!is)
    since.reset();
  else if (!since)
    since = now;
  return since && now - *since >= span;
}

}  // namespace

void Evidence::before(const World& world, int master, Signal what) {
  old_workers_ = world.proc.children(master);
  newcomers_.clear();
  without_since_.reset();
  idle_ = false;
  signalled_ = what == Signal::reload ? master : 0;
  beside_old_ = what == Signal::upgrade;
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

bool Evidence::can_answer() const {
  return std::any_of(newcomers_.begin(), newcomers_.end(),
                     [](const auto& one) { return one.second.begun && !one.second.gone; });
}

std::string Evidence::failure(const World& world, const std::optional<std::vector<WorkerReport>>& reports) {
  if (master_ == 0) return {};
  log_.read_on(world);
  if (idle_ && newcomers_.empty()) return refused();
  if (const std::string fault = short_lived(world); !fault.empty()) return fault;
  if (!reports || (beside_old_ && is_of_old(*reports))) return {};
  for (auto& [pid, one] : newcomers_) {
    one.reported = one.reported || std::any_of(reports->begin(), reports->end(),
                                               [&, worker = pid](const WorkerReport& w) { return w.pid == worker; });
    if (!lasts(one.mute_since, one.begun && !one.reported && !one.gone, world.clock.uptime(), longest_mute)) continue;
    const std::string words = log_.failed_start(pid);
    return words.empty() ? fmt::format("worker {} has started, and does not report what it serves", pid) : words;
  }
  return {};
}

/// While an upgrade is under way both masters answer at the same socket, and each knows its own workers only.
bool Evidence::is_of_old(const std::vector<WorkerReport>& reports) const {
  return !reports.empty() && std::all_of(reports.begin(), reports.end(), [&](const WorkerReport& w) {
    return std::find(old_workers_.begin(), old_workers_.end(), w.pid) != old_workers_.end();
  });
}

std::string Evidence::refused() const {
  const std::string words = log_.refusal(master_);
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
  const bool without = lasts(without_since_, left == 0 && ended != 0, world.clock.uptime(), longest_without);
  if (ended <= most_short_lived && !without) return {};
  std::string words = log_.failed_start(last);
  if (words.empty()) words = log_.end_of(master_, last);
  return words.empty() ? fmt::format("workers end while they start (the last one was {})", last) : words;
}

std::string Evidence::casualty(const World& world, const std::vector<int>& proved) {
  const std::vector<int> children = world.proc.children(master_);
  log_.read_on(world);  // the master writes once it has taken note of the end
  for (const int pid : proved) {
    if (std::binary_search(children.begin(), children.end(), pid)) continue;
    const std::string end = log_.end_of(master_, pid);
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
