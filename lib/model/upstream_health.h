#pragma once
#include <functional>
#include <string>

#include "model/diagnostic.h"
#include "model/value.h"

namespace orctl {

/// Takes a fault: severity, code, where it is, its field, what is wrong, and a hint.
using AddFault = std::function<void(Severity, const char*, const Value&, const std::string&, std::string, std::string)>;

/// What the schema cannot say of the `health` and `outlier` of an upstream, which stands at `field`: types, names, how
/// many checks must be good, what a check needs, and long durations. `nginx` is that of the instance.
void check_upstream_health(const Value& upstream, const std::string& field, const Value& nginx, const AddFault& add);

/// An upstream's health as the gateway document has it: `check` is called `checks` there.
Value lower_health(const Value& health);

/// Calls `visit(module, field)` for every Lua module that a check of `spec`, an instance, names.
void visit_check_modules(const Value& spec, const std::function<void(const Value&, const std::string&)>& visit);

}  // namespace orctl
