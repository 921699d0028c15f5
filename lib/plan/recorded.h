#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/read.h"
#include "plan/plan.h"

namespace orctl {

/// A plan written down, to be reviewed and carried out later as it is or not at all. It holds no secret: the manifests
/// are read again, and everything that it was made from is bound by its digest.
struct PlanFile {
  std::string host, store;             ///< where it was made: the host's name, and the path of its store
  std::string made_at, made_by;        ///< for people
  std::vector<std::string> manifests;  ///< absolute paths of what -f named
  bool recursive = false;
  Value::Array plans;  ///< one recorded() for each instance and object

  /// What is recorded of one; nullptr when the plan is not about it.
  const Value* find(const std::string& name) const;
};

/// What a plan file says of one instance. `revision` is the number of the live one, 0 when there is none.
Value recorded(const InstancePlan& plan, int revision);

/// What has moved between a recorded() plan and one that is made now; "" when they are the same.
std::string moved_since(const Value& recorded, const InstancePlan& now, int revision);

/// As JSON, for people and for read_plan_file().
std::string to_text(const PlanFile& file);
/// Error(Exit::refused), with the place, when it is no plan file.
PlanFile read_plan_file(const Source& source);

}  // namespace orctl
