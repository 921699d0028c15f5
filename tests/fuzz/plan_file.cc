#include "fuzz.h"
#include "plan/recorded.h"

// A plan file: refused, or held against a plan; read again from what it is written as, it is the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orctl;
  fuzz::refusable([&] {
    const PlanFile file = read_plan_file({"plan.json", std::string(fuzz::text_of(data, size))});
    for (const Value& one : file.plans) moved_since(one, {}, 0);
    const std::string text = to_text(file);
    fuzz::require(to_text(read_plan_file({"plan.json", text})) == text, "a plan file is read as it was written");
  });
  return 0;
}
