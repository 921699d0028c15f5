#include "shared/lifecycle.h"

namespace orctl {

Command reload_command() {
  return lifecycle_command(
      {"reload",
       "make instances read their tree again, and prove that every worker did",
       {{"Reload an instance", "orctl reload prd_payment_001_8080"},
        {"Several by a pattern", "orctl reload 'prd_payment_*'"}},
       "Before they go, the old workers end each kept connection with an answer that says so (Connection: close), for "
       "two "
       "seconds at most, so that busy clients lose no request; one that sends nothing meanwhile is closed, and a "
       "request "
       "that it sends at that very moment gets no answer. HTTP/2 clients are told by GOAWAY which requests nobody has "
       "looked at, and send these again. Running requests may end within nginx.worker_shutdown_timeout. A reload that "
       "is "
       "asked for elsewhere (systemctl reload, a hook of certbot) tells nobody before.",
       {"text", "json"}},
      [](const LifecycleOptions& o, World& world, Io& io) {
        return run_lifecycle("reload", "reloaded", std::nullopt, o, world, io);
      });
}

}  // namespace orctl
