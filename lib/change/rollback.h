#pragma once
#include <functional>
#include <string>
#include <vector>

#include "model/diagnostic.h"
#include "plan/plan.h"
#include "store/history.h"
#include "sys/world.h"

namespace orctl {

/// The revision that a word means (store/revision_name.h); none: the one that was applied before the live one.
Revision choose_revision(const std::string& name, const std::string& word, const World& world);

/// What a rollback is told from outside.
struct RollbackWish {
  std::vector<std::string> keys;                  ///< files with what the store does not keep
  std::function<void(const Diagnostic&)> report;  ///< is handed each fault by the policy
  std::function<void(const std::string&)> tell;   ///< what will be other than in the revision
};

/// A revision with all that the store does not keep (change/restore.h). Exit::refused when it deleted the instance, or
/// a private key of it is gone; Exit::guard when the policy of this host refuses it.
Version version_to_roll_back_to(const Revision& revision, const std::string& name, const World& world,
                                const RollbackWish& wish);

}  // namespace orctl
