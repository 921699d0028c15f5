#pragma once
#include "model/name.h"
#include "model/object.h"

namespace orctl {

/// One instance as it is meant to be.
struct Instance : Object {
  Name name;

  const Value::Array& list(std::string_view field) const { return spec.at(field).items(); }
};

/// The instance of a spec that is known to be one.
Instance as_instance(const Value& spec);

}  // namespace orctl
