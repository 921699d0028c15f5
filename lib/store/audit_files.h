#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/audit_chain.h"
#include "sys/world.h"

/// The files of the audit log: audit.1.jsonl, audit.2.jsonl, … are full, the oldest first; audit.jsonl is written.
namespace orctl {

/// Those that are there, the oldest first.
std::vector<std::string> audit_files(const World& world);

/// What the next line follows; its number is 0 when there is no line of the chain yet.
AuditEnd end_of_log(const World& world);

/// The same, after the file that is written has been put to the full ones if it is full. The caller holds the log's
/// lock.
AuditEnd make_room(World& world);

/// All of the log, checked as a chain, or also against what the store remembers of it: that reads all histories.
enum class Against { itself, store };
AuditRead read_log(const World& world, Against against);

}  // namespace orctl
