#pragma once
#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& instances_noun();

/// The manifest of an instance and what it is right now; of one whose spec or revision is not known, what is.
Value instance_item(const Observed& o);

Answer list_instances(const Choice& choice, const World& world);

/// "4m12s" until an unconfirmed change goes back, "overdue"; "-" where none waits.
std::string confirm_text(const Value& item, const std::string& field);

}  // namespace orctl
