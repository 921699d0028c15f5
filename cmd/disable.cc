#include "shared/lifecycle.h"

namespace orctl {

Command disable_command() {
  return lifecycle_command({"disable",
                            "let systemd not start instances at boot",
                            {{"Keep an instance down after the next boot", "orctl disable prd_payment_001_8080"}},
                            "Does not stop it: orctl stop does.",
                            {"text", "json"}},
                           [](const LifecycleOptions& o, World& world, Io& io) {
                             return run_lifecycle("disable", "disabled", Supervise::Action::disable, o, world, io);
                           });
}

}  // namespace orctl
