#pragma once
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plan/step.h"

namespace orctl {

/// What there is of the nginx processes of one instance, of which one master is to serve; next_step() goes by nothing
/// else. Whoever carries its steps out adds what he has found out.
struct Masters {
  struct One {
    int pid = 0;
    bool in_unit = false;  ///< systemd runs it as that of the instance's unit
    bool leaving = false;  ///< it has no worker that takes requests
    bool operator==(const One&) const = default;
  };
  /// How far the new master of an upgrade has come.
  enum class Newcomer { on_its_way, there, never_came };

  std::vector<One> all;
  int current = 0;     ///< of whom the instance's pid file tells, or else the first; 0: none runs
  int old_master = 0;  ///< of an upgrade that is not over; 0: none
  Newcomer newcomer = Newcomer::there;
  std::vector<int> orphans;  ///< workers of a master that was killed
  /// Of the masters that were asked for their proof: why their workers do not prove that they serve what is on disk;
  /// "" where they do.
  std::map<int, std::string> faults;
  bool settled = false;  ///< who is to serve was decided, and the others were told to go
  bool operator==(const Masters&) const = default;
};

/// Wait until the new master of an upgrade has come, or until it is clear that it does not.
struct AwaitNewMaster {
  bool operator==(const AwaitNewMaster&) const = default;
};
/// Ask whether the workers of a master prove that they serve what is on disk.
struct ProveMaster {
  int pid = 0;
  bool operator==(const ProveMaster&) const = default;
};
/// Every other master ends its requests and goes.
struct KeepMaster {
  int pid = 0;
  bool operator==(const KeepMaster&) const = default;
};
struct EndOrphans {
  bool operator==(const EndOrphans&) const = default;
};

/// One step on the way to one master; of Supervise retire and revert alone, which end an upgrade.
using MasterStep = std::variant<AwaitNewMaster, ProveMaster, Supervise, KeepMaster, EndOrphans>;
std::string to_string(const MasterStep& step);  ///< "prove-master 123"

/// What is to be done next, so that one master serves and no worker whose own was killed serves beside it; nullopt when
/// it is so. An upgrade is finished when the new master proves itself or the old one has begun to go, and else taken
/// back. Of masters beside each other the one of systemd's unit stays, whose folders would go with it; else one that
/// proves itself, else the one that the pid file names. Orphans that alone serve are left until a master does.
std::optional<MasterStep> next_step(const Masters& there);

}  // namespace orctl
