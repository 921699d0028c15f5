#include "gateway/metrics.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// What GET /metrics may answer, twice: the first look and the next are divided by a line of dashes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  const size_t dashes = text.find("---\n");
  refusable([&] {
    const auto now = traffic(parse_metrics(text.substr(0, dashes)));
    const auto next = dashes == std::string::npos ? now : traffic(parse_metrics(text.substr(dashes + 4)));
    const auto since = between(now, next);
    require(since.size() == next.size(), "every upstream of the next look is told");
    for (const Traffic& t : since)
      for (const double share : {0.0, 0.5, 0.99, 1.0}) quantile(t, share);
  });
  return 0;
}
