#include "shared/lifecycle.h"

namespace orctl {

Command enable_command() {
  return lifecycle_command({"enable",
                            "let systemd start instances at boot",
                            {{"Start an instance at boot again", "orctl enable prd_payment_001_8080"}},
                            "A new instance is enabled by its first apply. Does not start it: orctl start does.",
                            {"text", "json"}},
                           [](const LifecycleOptions& o, World& world, Io& io) {
                             return run_lifecycle("enable", "enabled", Supervise::Action::enable, o, world, io);
                           });
}

}  // namespace orctl
