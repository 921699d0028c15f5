#pragma once
#include <optional>
#include <string>

#include "live/verify.h"
#include "plan/plan.h"

namespace orctl {

/// How one instance of a plan ended.
struct Outcome {
  std::string name;
  Impact impact = Impact::none;
  bool changed = false;
  int revision = 0;          ///< 0: no revision was made
  Millis confirm_within{0};  ///< 0: it stays without a confirmation
  Proof proof;
  Millis took{0};
  std::optional<Error> error;  ///< set when it failed; Exit::rolled_back when everything is as it was
};

}  // namespace orctl
