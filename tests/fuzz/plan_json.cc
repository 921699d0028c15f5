#include "fuzz.h"
#include "model/read.h"
#include "plan/plan.h"

using namespace orctl;
using namespace orctl::fuzz;

// A plan from JSON: refused, or the same after a way there and back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Diagnostics found;
  const auto value = read_json({"plan.json", std::string(text_of(data, size))}, found);
  require_told(found);
  if (!value) return 0;
  refusable([&] {
    const Plan plan = plan_from_value(*value);
    require(plan_from_value(to_value(plan)) == plan, "a plan comes back from its document");
    for (const InstancePlan& one : plan.instances) summary(one);
  });
  return 0;
}
