#include "answer/store_faults.h"

#include <algorithm>

#include "base/text.h"

namespace orctl {

Value store_fault_item(const StoreFault& fault) {
  Value item = Value::object();
  item.set("kind", fault.fault.kind);
  item.set("what", fault.fault.what);
  item.set("why", fault.fault.why);
  if (!fault.fault.file.empty()) item.set("file", fault.fault.file);
  if (!fault.instance.empty()) item.set("instance", fault.instance);
  if (fault.revision != 0) item.set("revision", fault.revision);
  if (!fault.fault.place.empty()) item.set("place", fault.fault.place);
  item.set("mend", fault.mend());
  return item;
}

std::vector<StoreFault> store_faults(const std::vector<std::string>& names, std::vector<StoreFault> all) {
  if (names.empty()) return all;
  std::erase_if(all, [&](const StoreFault& one) {
    return std::none_of(names.begin(), names.end(),
                        [&](const std::string& pattern) { return glob_match(pattern, one.instance); });
  });
  return all;
}

}  // namespace orctl
