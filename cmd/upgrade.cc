#include "shared/lifecycle.h"

namespace orctl {

Command upgrade_command() {
  return lifecycle_command(
      {"upgrade",
       "take up a new nginx binary without closing a listening socket",
       {{"After the package was upgraded", "orctl upgrade prd_payment_001_8080"},
        {"All instances of the host", "orctl upgrade '*'"}},
       "Starts the binary that is installed now on the sockets of the running one (SIGUSR2), proves that every new "
       "worker "
       "serves the same, and only then lets the old master end its requests and go, after a farewell to its clients as "
       "before a reload. When the new binary does not come "
       "up, or does not prove itself, the old one serves on and the exit code is 11 or 5. Overrides and what x-save "
       "kept "
       "are taken along; results of health checks begin anew.",
       {"text", "json"}},
      [](const LifecycleOptions& o, World& world, Io& io) {
        return run_lifecycle("upgrade", "upgraded", Supervise::Action::upgrade, o, world, io);
      });
}

}  // namespace orctl
