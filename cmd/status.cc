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
       "say whether instances are well, and what is not",
       {{"All instances of the host", "orctl status"},
        {"One, for a script: exit code 0 means it is well", "orctl status prd_payment_001_8080"}},
       "Exit code 1 when any has a fault; warnings and notes are told, and leave it 0. SERVERS says how many take "
       "requests: by their checks, and without checks a server is down while its last try of the last minute failed. "
       "ERRORS is the share of the requests of the last minute that were answered with a status from 500 to 599. All "
       "instances are asked at the same time, and each is given 2 seconds for each answer: one that hangs has a fault "
       "and holds no other up. orctl describe says what mends each finding.\n\n"
       "Faults: " +
           kinds_text(Concern::fault) + ".\n\nWarnings: " + kinds_text(Concern::warning) +
           ".\n\nNotes: " + kinds_text(Concern::note) + ".",
       {"table", "wide", "json"}},
      flags, run);
}

}  // namespace orctl
