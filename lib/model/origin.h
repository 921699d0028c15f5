#pragma once
#include <string>

#include "model/diagnostic.h"
#include "model/object.h"

namespace orctl {

/// A fault of `object` at a place of the user's own text: where `field` stands; where the Fleet says it, if that
/// gives it as a default; or at the table that lacks it. `at` is the value that it is about.
Diagnostic fault_of(const Object& object, Severity severity, const char* code, const Value& at, std::string field,
                    std::string text, std::string hint);

}  // namespace orctl
