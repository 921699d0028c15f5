#include "shared/override.h"

namespace orctl {

Command ready_command() {
  return command<OverrideOptions>(
      {"ready",
       "end drain and maint: the server gets requests again",
       {{"Put a server back", "orctl ready prd_pay_001_8080/pay/10.0.0.1:8080"},
        {"All that are drained on an instance", "orctl ready 'prd_pay_001_8080/*/*'"}},
       "Another weight of the server stays; overrides discard ends that, too.",
       {"text", "json"}},
      [](Flags& f, OverrideOptions& o) {
        add_servers(f, o);
        f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
            .value("SELECTOR");
        add_reason_flags(f, o.change);
        add_time_flags(f, o.change);
      },
      [](const OverrideOptions& o, World& world, Io& io) {
        OverrideChange change;
        change.state = "ready";
        return run_override("ready", "ready", change, o, world, io);
      });
}

}  // namespace orctl
