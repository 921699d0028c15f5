#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "host/error_log.h"
#include "sys/world.h"

namespace orctl {

/// What is seen of an instance's processes while a change is being proved, by the kernel's word: whether the master has
/// taken a reload up, which workers it has begun, whether they came through their start, and which have ended. Nobody
/// who can send a request or write into error.log changes that; the log only gives the words for it.
class Evidence {
 public:
  Evidence() = default;  ///< has no words
  explicit Evidence(ErrorLog log) : log_(std::move(log)) {}

  enum class Signal { reload, upgrade };
  /// Before a signal to this master that begins new workers: those it has now are the old ones.
  void before(const World& world, int master, Signal what);
  /// Workers of another master: what they report proves nothing.
  void ignore(std::vector<int> workers) { old_workers_ = std::move(workers); }
  /// Workers that were there before the last signal, and have to go.
  const std::vector<int>& old_workers() const { return old_workers_; }

  /// Looks at this master (0: there is none) and its workers. Ask them for their reports afterwards: a worker that had
  /// come through its start by then has reported.
  void look(const World& world, int master);
  /// Whether a new worker was seen that can answer: without one a question would only wait in the queue of the socket.
  bool can_answer() const;
  /// What has come of those reports: why the change cannot be proved any more, or "" as long as it may. nullopt: nobody
  /// who could have told answered.
  std::string failure(const World& world, const std::optional<std::vector<WorkerReport>>& reports);
  /// Which of these proved workers has ended since by a fault of its own, in the master's words; "": none.
  std::string casualty(const World& world, const std::vector<int>& proved);
  /// What the master and new workers cry in error.log: to be told, never to decide.
  std::string cry(const World& world) const;

 private:
  /// A worker that was begun after the change.
  struct Newcomer {
    bool begun = false, reported = false, gone = false;
    std::optional<Millis> mute_since;  ///< it has come through its start, and not reported
  };
  bool is_of_old(const std::vector<WorkerReport>& reports) const;
  std::string refused() const;
  std::string short_lived(const World& world);

  ErrorLog log_;
  std::vector<int> old_workers_;
  int signalled_ = 0;                 ///< master that was told to reload
  bool beside_old_ = false;           ///< an upgrade: the old master answers, too
  std::optional<Proc::Sleep> slept_;  ///< how it slept before, and at the last look
  std::optional<Proc::Sleep> asleep_;
  bool idle_ = false;  ///< it has dealt with the signal: seen twice
  int master_ = 0;
  std::optional<Millis> without_since_;  ///< all that were begun are gone
  std::map<int, Newcomer> newcomers_;
};

}  // namespace orctl
