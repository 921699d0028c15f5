#pragma once
#include <string>

#include "sys/proc.h"

namespace orctl {

/// How a program that failed has ended: "ended by signal 9", "ended with exit code 3".
std::string end_of(const Proc::Result& result);

/// Why it failed: `words`, or else what it wrote, and how it has ended where that does not tell it: where it wrote
/// nothing, or where a signal cut it off.
std::string why_failed(const Proc::Result& result, const std::string& words = {});

}  // namespace orctl
