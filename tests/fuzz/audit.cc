#include "fuzz.h"
#include "store/audit_chain.h"

using namespace orctl;
using namespace orctl::fuzz;

// A log as it lies on disk: whatever stands there, it is read, the next line follows its end, and is no fault itself.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  const AuditRead before = read_audit({{"log", text}}, {});
  AuditEnd end;
  if (const auto found = end_of_audit(text)) {
    end = *found;
    require(end.number > 0, "an end is that of a line");
  } else {
    end.terminated = text.empty() || text.ends_with('\n');
    end.hash = sealed_hash(end.terminated ? text : text + "\n");
  }
  const std::string line = chained_line(Value(Value::Object{{"what", "next"}}), end);
  const AuditLine read = read_audit_line(trim(line));
  require(read.sound && read.number == end.number + 1 && read.prev == end.hash, "a line is read as it was written");
  const AuditRead after = read_audit({{"log", text + line}}, {});
  require(!after.lines.empty() && after.lines.back().sound, "the new line is whole");
  if (before.faults.empty()) {
    for (const AuditFault& fault : after.faults) require(!fault.fatal, "what was no fault is none behind a new line");
  }
  return 0;
}
