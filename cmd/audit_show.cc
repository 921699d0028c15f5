#include "answer/audit.h"
#include "cli/command.h"
#include "cli/show_answer.h"
#include "shared/span.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> instances;
  std::string who, grep;
  SpanFlags span;
  int limit = 0;
  bool as_commands = false;
};

void flags(Flags& f, Options& o) {
  f.add("--instance", o.instances, "only what is about this instance, or a pattern such as 'prd_*'").value("INST");
  f.add("--who", o.who, "only what this user asked for, or whose name has this in it").value("USER");
  add_span_flags(f, o.span);
  f.add("--grep", o.grep, "only where anything of the line has this in it").value("TEXT");
  f.add("--limit", o.limit, "show only the newest N (0: all)").value("N");
  f.add("--as-commands", o.as_commands, "print the commands, quoted for a shell, to be run again");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(audit_noun().kind);
  const AuditQuestion question{
      o.instances, o.who, o.grep, o.span.since(world), o.span.until(world), static_cast<size_t>(o.limit)};
  Answer answer = list_audit(question, world);
  if (!o.as_commands) return show_answer(io, audit_noun(), std::move(answer));
  tell_remarks(io, answer);
  for (const Value& item : answer.items) io.item(item);
  io.print(audit_as_commands(answer.items, world));
  return answer.exit();
}

}  // namespace

Command audit_show_command() {
  return command<Options>(
      {"audit show",
       "list what was asked for: who, when, why, and what became of it",
       {{"What was done to an instance today", "orctl audit show --instance prd_payment_001_8080 --since 1d"},
        {"What was refused", "orctl audit show --grep refused"},
        {"Do it again elsewhere", "orctl audit show --since 2026-11-30 --as-commands"}},
       "What was refused, or failed, is in it, too. With --as-commands each call stands there once, as it was given, "
       "with the reason and the ticket that the environment said; what was refused, or cannot be run again, is a "
       "comment.",
       {"table", "wide", "json"}},
      flags, run);
}

}  // namespace orctl
