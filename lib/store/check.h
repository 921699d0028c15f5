#pragma once
#include <string>
#include <vector>

#include "sys/world.h"

namespace orctl {

/// One thing of the store that is damaged, and whose it is.
struct StoreFault {
  Git::Fault fault;
  std::string instance;  ///< "" when it is nobody's, or everybody's
  int revision = 0;      ///< the newest that needs it; 0: none, or not known
  bool lost = false;     ///< the store has no word of the instance, whose tree is there
  std::string text() const;
  std::string mend() const;  ///< the command that mends it
};

/// All that is damaged in the store, each once for every instance that needs it.
std::vector<StoreFault> verify_store(const World& world);

}  // namespace orctl
