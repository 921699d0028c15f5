#include "shared/override.h"

namespace orctl {

Command maint_command() {
  return command<OverrideOptions>(
      {"maint",
       "put a server into maintenance: no new requests, no checks that count",
       {{"Take a server out of use", "orctl maint prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'new disk' --for 2h"},
        {"Put it back", "orctl ready prd_pay_001_8080/pay/10.0.0.1:8080"}},
       "As drain, and said to be in maintenance. Guard, end and wait are those of drain.",
       {"text", "json"}},
      leaving_flags, [](const OverrideOptions& o, World& world, Io& io) {
        OverrideChange change;
        change.state = "maint";
        return run_override("maint", "in maintenance", change, o, world, io);
      });
}

}  // namespace orctl
