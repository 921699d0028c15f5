#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "live/outcome.h"
#include "plan/plan.h"

/// What commands that change instances say of each.
namespace orctl {

/// How one instance of a plan ended; `done` words a success: "created".
Value outcome_item(const InstancePlan& planned, const Outcome& outcome, const std::string& done);
/// The same in one line, of a success: "dev_pay_001_80 configured: revision 2, hot; proved by 2 workers at generation 3
/// (35 ms)".
std::string outcome_line(const Outcome& outcome, const std::string& done);
/// One of several that were meant when something forbade all of it.
Value stopped_item(const std::string& name, const std::string& result);
/// One before which another had failed.
Value unattempted_item(const InstancePlan& planned);

/// What no plan was about: what was left of an instance, or one whose history cannot be read, is gone.
enum class Cleared { remains, instance };
Value cleared_item(const std::string& name, Cleared what);
std::string cleared_line(const std::string& name, Cleared what);

/// What became of a wait for a confirmation.
enum class Confirmation { confirmed, taken_back, nothing };
/// `revision`: the one that was confirmed.
Value confirmation_item(const std::string& name, Confirmation what, int revision);

/// An instance whose history was mended: its live revision (0: none), and the revisions that are kept and dropped.
Value repaired_item(const std::string& name, int revision, size_t kept, const std::vector<std::string>& dropped);
std::string repaired_line(const std::string& name, int revision, const std::vector<std::string>& dropped);

}  // namespace orctl
