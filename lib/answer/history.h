#pragma once
#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

const Noun& history_noun();

/// The revisions of an instance, newest first; limit 0: all. The older ones that cannot be read are a fault beside
/// them; when none can, or there is none, that is thrown.
Answer list_revisions(const std::string& name, size_t limit, const World& world);

}  // namespace orctl
