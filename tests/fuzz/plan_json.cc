#include <algorithm>

#include "fuzz.h"
#include "model/read.h"
#include "plan/plan.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

/// Whether a plan's document has the fingerprints only of what is secret.
bool hides(const Value& v) {
  if (v.is_object() && (v.find("masked") != nullptr || v.find("fingerprint") != nullptr)) return true;
  if (v.is_array()) return std::any_of(v.items().begin(), v.items().end(), hides);
  return v.is_object() &&
         std::any_of(v.members().begin(), v.members().end(), [](const auto& m) { return hides(m.value); });
}

}  // namespace

// A plan from JSON: refused, or the same after a way there and back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Diagnostics found;
  const auto value = read_json({"plan.json", std::string(text_of(data, size))}, found);
  require_told(found);
  if (!value) return 0;
  refusable([&] {
    const Plan plan = plan_from_value(*value);
    const Value document = to_value(plan);
    if (!hides(document)) require(plan_from_value(document) == plan, "a plan comes back from its document");
    for (const InstancePlan& one : plan.instances) summary(one);
  });
  return 0;
}
