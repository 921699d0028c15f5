#pragma once
#include <string>

#include "model/diagnostic.h"
#include "model/name.h"
#include "model/value.h"

namespace orctl {

/// Whether `text` can be an instance's name, and the nearest that can.
Value name_item(const std::string& text, const NameCheck& checked);

/// What is wrong with it.
Diagnostics name_faults(const std::string& text, const NameCheck& checked);

}  // namespace orctl
