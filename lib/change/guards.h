#pragma once
#include <functional>
#include <string>
#include <vector>

#include "change/request.h"
#include "live/observe.h"
#include "model/policy.h"
#include "plan/plan.h"
#include "sys/world.h"

/// What may not be done, or not yet, in one place. A refusal is thrown, and nothing was changed then; a warning is
/// given back. They ask the World alone, and whoever calls them shows what they say.
namespace orctl {

/// Exit::guard when something of a plan disturbs an instance that serves more than `most`. A new instance disturbs
/// nobody by its start.
void refuse_impact(const Plan& plan, Impact most);

/// Exit::guard when a plan makes a revision of an instance whose live one waits for its confirmation.
void refuse_unconfirmed(const Plan& plan, const World& world);

/// Exit::guard when a plan takes edits by hand away.
void refuse_flattening(const Plan& plan);

/// Exit::conflict for a new instance whose history is lost: what a dry run would not meet.
void refuse_lost(const Plan& plan, const World& world);

/// What is to be mended or decided before a plan can be carried out: lost histories, waits for a confirmation.
std::vector<Error> warnings_of_plan(const Plan& plan, const World& world);

/// Of instances for which a plan has nothing to do, so that no step finds it out: who besides root could change what
/// runs.
std::vector<Error> warnings_of_trust(const Plan& plan, const World& world);

/// Exit::absent, with the nearest name, for an instance that is not there.
void require_existing(const Observed& now, const World& world);

/// Exit::refused for what root is not to run: a tree that somebody else could have put something into.
void refuse_others_tree(const Observed& now, const World& world);

/// Exit::refused when root is to write into a folder that another could exchange: he would get what an overlay keeps
/// secret, and choose what the files become.
void refuse_others_folder(const std::string& folder, const World& world);

/// Exit::target when the process that `action` (none: a reload) works on is not there, or the host has lost what it
/// needs for that.
void require_able(const Observed& now, std::optional<Supervise::Action> action);

/// Exit::guard when the policy of this host refuses the version of a revision: it may have become stricter since that
/// was applied. Each fault is handed to `report` before.
void refuse_by_policy(const Version& version, const Revision& revision, const std::string& name, const World& world,
                      const std::function<void(const Diagnostic&)>& report);

/// Asks `question` on the terminal; throws `refusal` when nobody there says yes.
void require_yes(const std::string& question, const Error& refusal, const World& world);

/// Exit::guard when who calls skips a guard by one of these flags, and the host's policy does not let him.
void refuse_skipping(const std::vector<std::string>& flags, const Policy& policy, const World& world);

/// Exit::guard when the host's policy wants to know why, or by which ticket, and the call does not say it.
void refuse_unexplained(const std::string& reason, const std::string& ticket, const Policy& policy);

}  // namespace orctl
