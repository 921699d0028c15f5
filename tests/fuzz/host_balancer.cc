#include "import/host_balancer.h"

#include "manifest.h"

using namespace orctl;
using namespace orctl::fuzz;

// A Host-header document: what is imported is a manifest in TOML without a fault.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Source source{"config.json", std::string(text_of(data, size))};
  Diagnostics found;
  const auto manifest = import_host_balancer(source, std::nullopt, found);
  require_told(found);
  require(manifest.has_value() != has_errors(found), "a document is imported or has errors");
  if (!manifest) return 0;
  require(import_host_balancer(source, std::nullopt, found) == manifest, "equal input gives equal bytes");
  Diagnostics faults;
  auto read = read_manifest({"m.toml", *manifest}, faults);
  const auto instance = read ? make_instance(std::move(*read), nullptr, faults) : std::nullopt;
  for (const Diagnostic& d : faults)
    if (d.severity == Severity::error) std::fprintf(stderr, "%s", to_text(d).c_str());
  require(instance.has_value(), "what is imported is a right manifest");
  require_rendered(*instance);
  return 0;
}
