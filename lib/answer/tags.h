#pragma once
#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

const Noun& tags_noun();

/// The tags of some instances, deleted ones too, by names or patterns; of all when none is given.
Answer list_tags(const std::vector<std::string>& names, const World& world);

}  // namespace orctl
