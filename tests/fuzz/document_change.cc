#include "fuzz.h"
#include "render/render.h"

using namespace orctl;
using namespace orctl::fuzz;

// Two gateway documents, divided by a line of dashes; the first is what a gateway answered. One upstream alone may be
// sent only if that makes the one document of the other.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  const size_t dashes = text.find("---\n");
  const std::string before = text.substr(0, dashes), after = dashes == text.npos ? "" : text.substr(dashes + 4);
  const auto changed = changed_upstream(before, after);
  if (!changed) return 0;
  require(before != after, "equal documents do not differ");
  const size_t at = after.find(changed->text);
  require(at != std::string::npos, "the upstream stands in the document");
  require(changed->text.find("\"name\": \"" + changed->name + "\"") != std::string::npos, "it has the name told");
  require(before.find(" \"name\": \"" + changed->name + "\"") != std::string::npos, "the gateway knows that name");
  return 0;
}
