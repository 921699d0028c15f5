#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

const Noun& audit_noun();
const Noun& audit_faults_noun();

/// Which lines of the audit log are asked for. What is absent is no condition.
struct AuditQuestion {
  std::vector<std::string> instances;  ///< names or patterns
  std::string who, grep;
  std::optional<int64_t> since, until;  ///< seconds since 1970
  size_t limit = 0;                     ///< only the newest; 0: all
};

/// The lines of the log, the oldest first. Faults of the chain are told beside them.
Answer list_audit(const AuditQuestion& question, const World& world);

/// The calls behind these lines as lines for a shell, each once, the oldest first: what was done can be run again;
/// what was refused, or was not kept whole, is a comment.
std::string audit_as_commands(const Value::Array& items, const World& world);

/// What is not as it was written, an item each.
struct AuditVerdict {
  Value::Array faults;
  bool sound = true;
  std::string line;  ///< what there is, in words
};
AuditVerdict verify_audit(const World& world);

}  // namespace orctl
