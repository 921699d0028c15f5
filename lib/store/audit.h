#pragma once
#include <functional>
#include <string>

#include "store/history.h"
#include "sys/world.h"

namespace orctl {

/// Appends one line of JSON to the audit log (store/audit_chain.h): when, which instance, who and why, then the members
/// of `what`. What makes no revision is told to the history, too (store/events.h). What it tells of is done by then, so
/// a log that cannot be written undoes nothing and fails nothing: it is told.
void write_audit(World& world, const std::string& name, const RevisionNote& note, const Value& what,
                 const std::function<void(const std::string&)>& tell);

/// The same of what was asked for and not done: how it ended, and why. Nothing is written where no log can be.
void write_refusal(World& world, const std::string& name, const RevisionNote& note, Exit exit, const std::string& why);

/// "N HASH" of the last line of the audit log; "" when it has none, or none can be read.
std::string audit_head(const World& world);

}  // namespace orctl
