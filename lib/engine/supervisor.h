#pragma once
#include <string>
#include <vector>

#include "model/layout.h"
#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// Supervises nginx as plain processes. A master is known by its command line, which names its tree, so a reused pid
/// or somebody else's nginx is never taken for ours.
class Supervisor {
 public:
  /// `tree` is the absolute path of the instance's live tree.
  Supervisor(const Layout& layout, std::string name, std::string tree)
      : layout_(layout), name_(std::move(name)), tree_(std::move(tree)) {}

  /// Pid of the running master, 0 when there is none. The pid file is tried first, then every process is looked at.
  int master(const World& world) const;
  /// All masters of this tree, left-over ones too.
  std::vector<int> masters(const World& world) const;

  /// Makes the run, state and log folders; returns those that were missing.
  std::vector<std::string> make_folders(World& world, const Target& target) const;
  /// Starts nginx (which daemonizes itself); Error(Exit::target) with nginx's own words when it does not start.
  void start(World& world, const Target& target) const;
  /// Asks the master to read its configuration anew. It answers nothing: verify afterwards.
  void reload(World& world) const;
  /// Lets requests end (SIGQUIT) for `drain`, then SIGTERM, then SIGKILL of master and workers; removes pid file and
  /// socket.
  void stop(World& world, Millis drain) const;

 private:
  /// Workers of this instance whose master was killed: they go on serving, and hold the ports. Known by its error.log,
  /// which they have open.
  std::vector<int> orphans(const World& world) const;
  void end_orphans(World& world) const;
  bool is_master(const World& world, int pid) const;

  const Layout& layout_;
  std::string name_, tree_;
};

}  // namespace orctl
