#include "answer/audit.h"
#include "cli/command.h"

namespace orctl {
namespace {

struct Options {};

void flags(Flags&, Options&) {}

Exit run(const Options&, const World& world, Io& io) {
  io.kind(audit_faults_noun().kind);
  const AuditVerdict verdict = verify_audit(world);
  for (const Value& fault : verdict.faults) {
    io.item(fault);
    const std::string text = fault.at("place").as_string() + ": " + fault.at("what").as_string();
    if (fault.at("severity").as_string() == "warning")
      io.warn(text);
    else
      io.print(text + "\n");
  }
  io.print((verdict.sound ? "the audit log is as it was written: " : "the audit log is not as it was written: ") +
           verdict.line + "\n");
  return verdict.sound ? Exit::ok : Exit::no;
}

}  // namespace

Command audit_verify_command() {
  return command<Options>(
      {"audit verify",
       "check that the audit log is as it was written",
       {{"Has anybody changed it?", "orctl audit verify"}},
       "Each line has the hash of the one before it, over all files of the log, and the version store remembers some "
       "of "
       "them. Named is the first line that was changed, removed, inserted or put elsewhere, and whether the end was "
       "cut "
       "off. A line that a power cut left torn is told, and no fault. Lines of an older orctl, from before the chain, "
       "are sealed by its first line. Exit code 1 when something is not as it was written.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
