#include "store/history.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/command.h"

namespace orctl {
namespace {

struct Options {
  std::string name;
  int limit = 0;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.name, "instance").required();
  f.add("--limit", o.limit, "show only the newest N (0: all)").value("N");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("RevisionList");
  std::optional<Error> end;
  const auto all = can_be_instance(o.name) ? readable_revisions(world, o.name, static_cast<size_t>(o.limit), end)
                                           : std::vector<Revision>{};
  if (all.empty() && end) throw Error(*end);
  if (all.empty()) throw no_revisions(world, o.name);
  Table table{{"REVISION", "WHEN", "WHO", "OUTCOME", "TOOK", "REASON", "CAUSE", "COMMIT"}, {}, 1};
  for (const Revision& r : all) {
    io.item(to_value(r));
    const std::string when = fmt::format("{:%Y-%m-%d %H:%M:%S}Z", fmt::gmtime(static_cast<std::time_t>(r.time)));
    table.rows.push_back({fmt::format("{}{}", r.number, r.live ? " (live)" : ""), when, r.author,
                          r.outcome.empty() ? "pending" : r.outcome, r.duration, r.reason, r.cause,
                          r.commit.substr(0, 12)});
  }
  io.table(table, "revisions");
  if (!end) return Exit::ok;
  io.error(*end);
  return Exit::partial;
}

}  // namespace

Command history_command() {
  return command<Options>(
      {"history",
       "list the revisions of an instance: when, who, why, and how each ended",
       {{"All revisions, newest first", "orctl history prd_payment_001_8080"},
        {"The same by git", "git --git-dir /var/lib/orctl/store.git log --notes=orctl prd_payment_001_8080"}},
       "A deleted instance keeps its history. Exit code 6 when the older revisions cannot be read.",
       {"table", "wide", "json"}},
      flags, run);
}

}  // namespace orctl
