#pragma once
#include <string>
#include <vector>

#include "model/value.h"
#include "store/check.h"

namespace orctl {

/// Something of the store that is damaged, and the command that mends it.
Value store_fault_item(const StoreFault& fault);

/// Those that concern instances of these names or patterns; all when there are none.
std::vector<StoreFault> store_faults(const std::vector<std::string>& names, std::vector<StoreFault> all);

}  // namespace orctl
