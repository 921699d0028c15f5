#include "model/secrets.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// The search for secrets in any text: it says where, on lines that are there, and never what.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = text_of(data, size);
  uint32_t last = 0;
  for (const FoundSecret& s : find_secrets(text)) {
    require(s.place.line > last && s.place.line <= split(text, '\n').size(), "one for each line that holds one");
    require(s.place.col > 0 && !s.what.empty(), "a secret has a place and a name");
    last = s.place.line;
  }
  return 0;
}
