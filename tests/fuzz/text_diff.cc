#include "fuzz.h"
#include "sys/world.h"

using namespace orctl;
using namespace orctl::fuzz;

// The difference of two texts, which a line of dashes divides: by it the second can be told from nothing but the first.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  const size_t dashes = text.find("---\n");
  const std::string before = text.substr(0, dashes), after = dashes == text.npos ? "" : text.substr(dashes + 4);
  const std::string diff = Git::text_diff("gateway.json", &before, &after);
  require(diff.empty() == (before == after), "only equal texts have no difference");
  require(Git::text_diff("gateway.json", nullptr, &after).empty() == false, "a new file is a difference");
  return 0;
}
