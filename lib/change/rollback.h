#pragma once
#include <functional>
#include <string>

#include "model/diagnostic.h"
#include "plan/plan.h"
#include "store/history.h"
#include "sys/world.h"

namespace orctl {

/// The revision `number` of an instance; 0: the one that was applied before the live one.
Revision choose_revision(const std::string& name, int number, const World& world);

/// A revision with all that the store does not keep. Exit::refused when it deleted the instance, or a private key of it
/// is gone; Exit::guard when the policy of this host refuses it, each fault being handed to `report`.
Version version_to_roll_back_to(const Revision& revision, const std::string& name, const World& world,
                                const std::function<void(const Diagnostic&)>& report);

}  // namespace orctl
