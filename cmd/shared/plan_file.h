#pragma once
#include <string>
#include <vector>

#include "plan/recorded.h"
#include "sys/world.h"

namespace orctl {

/// What a plan is made of again when it is carried out.
struct PlanSource {
  std::vector<std::string> files;  ///< as -f named them
  bool recursive = false;
};

/// Exit::usage when a plan of these could not be carried out later: standard input is gone then.
void refuse_standard_input(const PlanSource& source);

/// The plan, bound to this host and to what is live.
PlanFile record(const Plan& plan, const PlanSource& source, const World& world);

void write_plan_file(const std::string& path, const PlanFile& file, World& world);

/// Exit::refused when it is none, Exit::conflict when it was made for another host.
PlanFile read_plan_of_this_host(const std::string& path, const World& world);

/// Exit::conflict, with what moved, unless `plan` is the one that the file has; `live` is the live revision, 0: none.
void require_recorded(const PlanFile& file, const InstancePlan& plan, int live);

/// Exit::conflict unless the file has plans for exactly these.
void require_names(const PlanFile& file, const std::vector<std::string>& names);

}  // namespace orctl
