#include "shared/lifecycle.h"

namespace orctl {

Command start_command() {
  return lifecycle_command({"start",
                            "start instances and prove that they serve",
                            {{"Start an instance", "orctl start prd_payment_001_8080"},
                             {"Several by a pattern", "orctl start 'prd_payment_*'"}},
                            "An instance that runs is left alone.",
                            {"text", "json"}},
                           [](const LifecycleOptions& o, World& world, Io& io) {
                             return run_lifecycle("start", "started", Supervise::Action::start, o, world, io);
                           });
}

}  // namespace orctl
