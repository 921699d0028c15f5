#pragma once
#include <functional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// How a revision gets back what the store has but the fingerprints of: private keys, and what else of certs/ is
/// secret.
struct Restoring {
  /// What of a certificate that has ended, though its key is there: it comes back like all else, or a valid one that is
  /// live for its hosts stays.
  enum class Ended { comes_back, may_stay_renewed };

  std::string name;                     ///< of the instance
  std::string what;                     ///< "revision 3", for people
  Tree live;                            ///< the tree in use: its pairs may stay where a revision's own cannot come back
  Tree kept;                            ///< what else may have such files
  std::vector<Tree::value_type> given;  ///< files that the caller names, by the paths that he used
  Ended ended = Ended::comes_back;
};

/// The version of a commit, whole. A secret file is found by its fingerprint, whatever its name; a key also by its
/// certificate. Where a key is gone, the pair that is live stays if it is valid and for the same hosts, which is handed
/// to `tell`. Exit::refused says which files are needed, and of which certificates; Exit::usage that a given one fits
/// nothing.
Version restore_version(const std::string& commit, const Restoring& from, const World& world,
                        const std::function<void(const std::string&)>& tell);

}  // namespace orctl
