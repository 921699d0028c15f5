#include "shared/lifecycle.h"

namespace orctl {

Command reload_command() {
  return lifecycle_command(
      {"reload",
       "make instances read their tree again, and prove that every worker did",
       {{"Reload an instance", "orctl reload prd_payment_001_8080"},
        {"Several by a pattern", "orctl reload 'prd_payment_*'"}},
       "Old workers drain for nginx.worker_shutdown_timeout. Idle keepalive connections are closed once.",
       {"text", "json"}},
      [](const LifecycleOptions& o, World& world, Io& io) {
        return run_lifecycle("reload", "reloaded", std::nullopt, o, world, io);
      });
}

}  // namespace orctl
