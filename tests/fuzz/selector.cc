#include "model/selector.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// Selectors of labels and of fields as users write them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, std::min<size_t>(size, 4096)));
  const Value labels(Value::Object{{"team", "pay"}, {"env", "prd"}});
  refusable([&] {
    const LabelSelector made(text);
    // a condition more lets no more through
    const LabelSelector more(text + ",!team");
    require(!more.matches(&labels), "every condition must hold");
    if (!made.matches(nullptr)) require(!LabelSelector(text + ",!x").matches(nullptr), "nor fewer");
  });
  refusable([&] {
    const FieldSelector made(text);
    made.matches(labels);
  });
  return 0;
}
