#pragma once
#include <functional>
#include <string>
#include <vector>

#include "change/request.h"
#include "sys/world.h"

namespace orctl {

/// The locks of some instances, taken in one order. While they are held, nobody else changes these instances, and an
/// apply that was killed half-way has been finished or undone, and what nobody confirmed in time has been taken back.
class Held {
 public:
  Held(const std::vector<std::string>& names, World& world, const Request& request,
       const std::function<void(const std::string&)>& note);

 private:
  std::vector<FileLock> locks_;
};

}  // namespace orctl
