#pragma once
#include <functional>
#include <optional>
#include <string>

#include "gateway/gateway.h"
#include "host/supervisor.h"
#include "host/systemd.h"
#include "plan/plan.h"
#include "store/history.h"
#include "store/unconfirmed.h"
#include "sys/world.h"

namespace orctl {

/// What one instance is right now: in the store, on disk, running.
struct Observed {
  std::string name;
  std::string head;                        ///< newest commit of its branch; "" when the store does not know it
  std::optional<Revision> newest;          ///< what `head` is; it may not have gone live
  std::optional<Revision> applied;         ///< what is live by the store's word
  std::optional<Version> version;          ///< the applied revision's manifest with the tree and unit that are on disk
  std::string tree_path;                   ///< absolute; "" when not applied
  int pid = 0;                             ///< of the master
  std::vector<int> masters;                ///< all of them; more than one serve beside each other, each for itself
  std::vector<int> orphans;                ///< workers of a master that was killed: they serve on
  bool upgrading = false;                  ///< the binary is being exchanged, or an upgrade was killed half-way
  std::optional<systemd::UnitState> unit;  ///< where systemd runs the instances
  int64_t open_files = 0;                  ///< how many the master may have open; 0: not known
  int64_t wanted_open_files = 0;           ///< how many it should: as its unit says, or else as its connections need
  std::optional<GatewayStatus> status;     ///< absent when it does not answer
  std::optional<Loss> loss;                ///< what it needs on this host and has no more
  std::string problem;                     ///< why there is no status although it runs
  bool denied = false;                     ///< the caller has no rights to ask it
  bool interrupted = false;  ///< an apply was killed half-way; the next changing command finishes or undoes it
  std::optional<Unconfirmed> unconfirmed;  ///< what is live waits for its confirmation
  Live live;
  /// Why its history or its files cannot be read. What is known then comes from its live tree (live/salvage.h):
  /// `applied` may be absent, and `version` too.
  std::optional<Error> broken;

  bool exists() const { return version.has_value(); }
  bool has_two_masters() const { return masters.size() > 1 || upgrading; }
  /// Whether the next changing command has something to finish, to undo or to mend before its own work.
  bool unsettled() const;
  /// What is wrong with its masters, with their pids; "" when nothing is.
  std::string fault_of_masters() const;
  /// "broken", "stopped", "failed" (systemd gave up, or waits to start it again), "running", "degraded" (running, but
  /// outside of its unit, or with a second master, or the workers disagree or do not answer), "unknown" (running, and
  /// the caller may not ask it). Of an object that lives in files "applied", or "drifted" when they are others.
  std::string state() const;
};

Observed observe(const std::string& name, const World& world);
/// The same for one of many: `all` were looked for once.
Observed observe(const std::string& name, const World& world, const NginxMasters& all);

/// observe(), or Error(Exit::absent) with the nearest known name when the instance does not exist.
Observed observe_existing(const std::string& name, const World& world);
Observed observe_existing(const std::string& name, const World& world, const NginxMasters& all);

/// What to do about it.
std::string mend_masters(const std::string& name);

/// The same as Observed::fault_of_masters() for an instance of which nothing else is wanted.
std::string fault_of_masters(const std::string& name, const World& world, const NginxMasters& all);

/// The same for one of many: what cannot be read of it is in `broken`, and hides no other.
Observed observe_among(const std::string& name, const World& world);
Observed observe_among(const std::string& name, const World& world, const NginxMasters& all);

/// Looks at the process of an instance whose `version`, as far as it is known, and `tree_path` are filled in.
void observe_process(Observed& o, const World& world, const NginxMasters& all);

}  // namespace orctl
