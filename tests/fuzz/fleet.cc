#include "manifest.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

Manifest instance_manifest() {
  Diagnostics found;
  const char* text =
      "kind = \"Instance\"\nname = \"tst_law_001_8080\"\n"
      "[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.1:80\" }]\n[[route]]\nupstream = \"a\"\n";
  return *read_manifest({"m.toml", text}, found);
}

}  // namespace

// A Fleet, in either format, and an instance below it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Manifest below = instance_manifest();
  const std::string_view text = text_of(data, size);
  Diagnostics found;
  const auto manifest = read_manifest({"fleet", std::string(text)}, found);
  std::optional<Fleet> fleet;
  if (manifest && manifest->kind == "Fleet") fleet = make_fleet(*manifest, found);
  require(!fleet || !has_errors(found), "a Fleet has no errors");
  if (fleet)
    if (const auto instance = make_instance(below, &*fleet, found)) {
      require_rendered(*instance);
      check_instances({&*instance, &*instance}, found);
      require(has_errors(found), "two instances of one name are refused");
    }
  require_told(found);
  return 0;
}
