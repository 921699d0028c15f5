#include "answer/history.h"

#include "cli/command.h"
#include "cli/show_answer.h"
#include "shared/span.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
  std::string who, grep;
  SpanFlags span;
  int limit = 0;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, deleted ones too, or patterns such as 'prd_*'; none: all");
  f.add("--who", o.who, "only what this user did, or whose name has this in it").value("USER");
  add_span_flags(f, o.span);
  f.add("--grep", o.grep, "only where reason, ticket, command, cause or server has this in it").value("TEXT");
  f.add("--limit", o.limit, "show only the newest N (0: all)").value("N");
}

Exit run(const Options& o, const World& world, Io& io) {
  const HistoryQuestion question{
      o.names, o.who, o.grep, o.span.since(world), o.span.until(world), static_cast<size_t>(o.limit)};
  const Noun& noun = is_of_one(question) ? history_noun() : timeline_noun();
  io.kind(noun.kind);
  return show_answer(io, noun, list_history(question, world));
}

}  // namespace

Command history_command() {
  return command<Options>({"history",
                           "list what was done to instances: when, who, why, and how each ended",
                           {{"All of one instance, newest first", "orctl history prd_payment_001_8080"},
                            {"What was done on this host since yesterday?", "orctl history --since 1d"},
                            {"By whom, and for which ticket?", "orctl history 'prd_*' --who alice --grep OPS-17"},
                            {"The same by git", "git --git-dir /var/lib/orctl/store.git log --notes=orctl --all"}},
                           "Revisions, what was done to the process (start, stop, restart, reload, upgrade, enable, "
                           "disable), overrides and "
                           "their ends, confirmations and tags, as one timeline. What is no revision has no number. A "
                           "deleted instance keeps "
                           "its history. Exit code 6 when a part of it cannot be read.",
                           {"table", "wide", "json"}},
                          flags, run);
}

}  // namespace orctl
