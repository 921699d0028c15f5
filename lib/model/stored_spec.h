#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

/// What is wrong with the spec of a revision, so that no code could read it as an instance's; "" when nothing is.
/// Fields that this orctl does not know are no fault: a newer one may have written them. `spec` stays as it is.
std::string fault_of_spec(Value& spec);

}  // namespace orctl
