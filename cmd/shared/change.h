#pragma once
#include <functional>
#include <string>
#include <vector>

#include "change/change.h"
#include "change/request.h"
#include "cli/command.h"
#include "plan/plan.h"

namespace orctl {

/// The flags of every command that changes an instance.
struct ChangeFlags {
  std::string reason, ticket;
  bool overwrite_drift = false;
  Millis lock_timeout{30000}, verify_timeout{10000}, watch_log{1000};
};

/// --reason and --ticket, with their variables of the environment; `kept_in` words what becomes of them. The first of
/// them is returned.
Flag add_reason_flags(Flags& f, ChangeFlags& c, const std::string& kept_in = "why; kept in the history");
void add_time_flags(Flags& f, ChangeFlags& c);
void add_change_flags(Flags& f, ChangeFlags& c);
/// The flag of those that write a tree.
void add_drift_flag(Flags& f, ChangeFlags& c);

/// `command` is what the history says.
Request make_request(const ChangeFlags& c, const World& world, const std::string& command);

/// Tells of instances that a plan could not be applied to now, and of those that are to be mended first.
void warn_unsettled(Io& io, const Plan& plan, const World& world);

/// How a command shows what it does to instances.
struct Showing {
  std::function<std::string(const InstancePlan&)> verb;  ///< words a success: "started"
  std::function<void(const Plan&)> show{};               ///< the plan; absent: it is not shown
  std::function<void(const Plan&)> dry_run{};            ///< ends one
};

/// change(), shown by a command: its plan, remarks, and how each instance ended.
Changed run_change(Wish wish, const Showing& showing, World& world, Io& io);

/// Tells what the user is to do to his own manifest, which nobody touches, when a plan changes the one in the store.
void tell_edit(Io& io, const InstancePlan& plan);

/// Of several that were meant, says which of them failed and which were not attempted; one alone is in the error.
void tell_stopped(Io& io, const std::vector<std::string>& names, const Error& why);

/// What `act` gives; when it throws, tell_stopped() of the names comes first.
template <class Act>
auto or_tell_stopped(Io& io, const std::vector<std::string>& names, const Act& act) {
  try {
    return act();
  } catch (const Error& e) {
    tell_stopped(io, names, e);
    throw;
  }
}

/// Remarks on the work while it goes on.
std::function<void(const std::string&)> remarks(Io& io);

/// A warning, as lib/change finds them.
void warn(Io& io, const Error& e);

}  // namespace orctl
