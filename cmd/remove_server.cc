#include "shared/override.h"

namespace orctl {

Command remove_server_command() {
  return command<OverrideOptions>(
      {"remove server",
       "take a server out of an upstream for a time",
       {{"Remove a server when its last request has ended",
         "orctl remove server prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'it is sold' --wait"},
        {"Take it back", "orctl overrides discard prd_pay_001_8080/pay/10.0.0.1:8080"},
        {"Take it out of the manifest, too",
         "orctl overrides promote prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'it is sold'"}},
       "Requests that run are not cut. Guard, end and wait are those of drain.",
       {"text", "json"}},
      leaving_flags, [](const OverrideOptions& o, World& world, Io& io) {
        OverrideChange change;
        change.remove = true;
        return run_override("remove server", "removed", change, o, world, io);
      });
}

}  // namespace orctl
