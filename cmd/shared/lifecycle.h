#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "plan/plan.h"
#include "shared/change.h"

namespace orctl {

/// What start, stop, restart and reload have in common: they differ in one step of the plan.
struct LifecycleOptions {
  std::vector<std::string> names;
  std::vector<std::string> labels;
  ChangeFlags change;
  bool accept_changes = false;
};

/// The run of such a command; `done` words a success, no action is a reload.
Exit run_lifecycle(const std::string& verb, const std::string& done, std::optional<Supervise::Action> action,
                   const LifecycleOptions& o, World& world, Io& io);

Command lifecycle_command(CommandInfo info, Exit (*run)(const LifecycleOptions&, World&, Io&));

}  // namespace orctl
