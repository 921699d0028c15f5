#include "shared/override.h"

namespace orctl {

Command drain_command() {
  return command<OverrideOptions>(
      {"drain",
       "send a server no new requests, and wait for those it has",
       {{"Drain a server, and return when its last request has ended",
         "orctl drain prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'kernel upgrade' --wait"},
        {"For half an hour, on all instances", "orctl drain 'prd_*/*/10.0.0.1:*' --reason 'kernel upgrade' --for 30m"}},
       "Requests that run are not cut. The override outlives reloads and restarts, and ends with --for, ready, or "
       "overrides discard. It is refused when fewer servers than the upstream's min_healthy would be left (exit code "
       "9); --ignore-min-healthy overrides that. Done means that every worker follows; when one does not within "
       "--verify-timeout, the exit code is 8. --wait asks all workers; exit code 8 when --timeout passes first: the "
       "server stays drained.",
       {"text", "json"}},
      leaving_flags, [](const OverrideOptions& o, World& world, Io& io) {
        OverrideChange change;
        change.state = "drain";
        return run_override("drain", "drained", change, o, world, io);
      });
}

}  // namespace orctl
