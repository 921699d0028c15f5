#include "answer/status.h"

#include "cli/command.h"
#include "cli/show_answer.h"

namespace orctl {
namespace {

struct Options {
  Choice choice;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.choice.names, "instances, or patterns such as 'prd_*'; none: all");
  f.add("-l,--selector", o.choice.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(status_noun().kind);
  StatusAnswer found = list_status(o.choice, world);
  show_answer(io, status_noun(), std::move(found.answer));
  return found.is_well ? Exit::ok : Exit::no;
}

}  // namespace

Command status_command() {
  return command<Options>(
      {"status",
       "say whether instances run and every worker serves the same",
       {{"All instances of the host", "orctl status"},
        {"One, for a script: exit code 0 means it is well", "orctl status prd_payment_001_8080"}},
       "Exit code 1 when an instance is stopped, does not answer or may not be asked, has workers that disagree, that "
       "were stopped by a signal or whose master was killed, or two masters, has a tree that was changed by hand or "
       "that others could change, serves a certificate with fewer than 7 days left (below 21 there is a warning), or "
       "is broken: its history or its files cannot be read.",
       {"table", "json"}},
      flags, run);
}

}  // namespace orctl
