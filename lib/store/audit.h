#pragma once
#include <functional>
#include <string>

#include "store/history.h"
#include "sys/world.h"

namespace orctl {

/// Appends one line of JSON to the audit log: when, which instance, who and why, then the members of `what`. What it
/// tells of is done by then, so a log that cannot be written undoes nothing and fails nothing: it is told.
void write_audit(World& world, const std::string& name, const RevisionNote& note, const Value& what,
                 const std::function<void(const std::string&)>& tell);

}  // namespace orctl
