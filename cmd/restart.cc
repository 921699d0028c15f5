#include "shared/lifecycle.h"

namespace orctl {

Command restart_command() {
  return lifecycle_command(
      {"restart",
       "stop and start instances",
       {{"Restart an instance", "orctl restart prd_payment_001_8080"},
        {"Several by a pattern", "orctl restart 'prd_payment_*'"}},
       "New binaries and users take effect. Clients are told as before a reload; then, until the new process listens, "
       "connections are refused. Requests are cut after nginx.worker_shutdown_timeout; prefer reload.",
       {"text", "json"}},
      [](const LifecycleOptions& o, World& world, Io& io) {
        return run_lifecycle("restart", "restarted", Supervise::Action::restart, o, world, io);
      });
}

}  // namespace orctl
