#include "answer/history.h"

#include "cli/command.h"
#include "cli/show_answer.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::string name;
  int limit = 0;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.name, "instance, or a pattern that stands for one").required();
  f.add("--limit", o.limit, "show only the newest N (0: all)").value("N");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(history_noun().kind);
  const auto name = one_instance(o.name, world);
  if (!name) {
    io.note("No instance matches '" + o.name + "'.");
    return Exit::ok;
  }
  return show_answer(io, history_noun(), list_revisions(*name, static_cast<size_t>(o.limit), world));
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
