#pragma once
#include <functional>
#include <string>
#include <vector>

#include "manifest/config.h"
#include "manifest/load.h"
#include "plan/plan.h"

namespace orctl {

/// Adds to `manifests` every fault that `policy` finds in them; what no host allows that says nothing (snippets and Lua
/// as root, a source) is told as `of_risk`.
void add_policy_faults(Manifests& manifests, const Policy& policy, Severity of_risk);

/// load() and valid_ones(), for commands that go on only with what the policy of this host allows.
Manifests load_allowed(const std::vector<std::string>& files, Recurse recurse, const World& world,
                       const std::function<void(const Diagnostic&)>& report);

/// What the policy of this host refuses of a version in the store, called `name`; without places, as its manifest may
/// have been made by an older orctl.
Diagnostics check_version(const Version& version, const std::string& name, const World& world);

/// Throws Error(Exit::refused) when the policy of this host refuses a server's address, "HOST:PORT"; `subject` is what
/// the message is about.
void require_allowed(const std::string& address, const std::string& subject, const World& world);

/// The same for an instance that is about to become a revision.
void require_allowed(const Loaded& loaded, const World& world);

}  // namespace orctl
