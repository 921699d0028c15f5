#include "manifest.h"

// A manifest in JSON: read, checked, filled with defaults, rendered, and the rendering read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orctl::fuzz::try_manifest("m.json", orctl::fuzz::text_of(data, size));
  return 0;
}
