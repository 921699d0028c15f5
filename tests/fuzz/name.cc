#include "model/name.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// An instance's name, and a layout below it on the second line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = text_of(data, size);
  const std::string text = take_line(rest);
  const NameCheck check = check_name(text);
  require(check.name.has_value() == check.faults.empty(), "a name is right or has faults");
  for (const NameFault& fault : check.faults) require(fault.offset <= text.size(), "a fault stands in the name");
  if (!check.suggestion.empty()) require(check_name(check.suggestion).name.has_value(), "a suggested name is right");
  if (!check.name) return 0;
  require(check.name->str() == text, "a right name is taken apart and put together");
  require(known_name(text) == *check.name, "a checked name is known");
  const std::string layout(rest.substr(0, 200));
  require(fill_layout(layout, *check.name).find("{name}") == std::string::npos, "a layout is filled");
  return 0;
}
