#include "shared/lifecycle.h"

namespace orctl {

Command stop_command() {
  return lifecycle_command(
      {"stop",
       "stop instances after their requests have ended",
       {{"Stop an instance", "orctl stop prd_payment_001_8080"},
        {"Several by a pattern", "orctl stop 'prd_payment_*'"}},
       "Clients are told as before a reload. Requests may end within nginx.worker_shutdown_timeout; then "
       "the rest is cut.",
       {"text", "json"}},
      [](const LifecycleOptions& o, World& world, Io& io) {
        return run_lifecycle("stop", "stopped", Supervise::Action::stop, o, world, io);
      });
}

}  // namespace orctl
