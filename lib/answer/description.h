#pragma once
#include <string>

#include "answer/answer.h"
#include "answer/examined.h"

namespace orctl {

/// Everything about one instance: its manifest, where its files are, what runs, what each worker serves, health of its
/// servers, overrides. Of one whose history or files cannot be read, what is known, and why not more.
Value description_item(const Examined& seen, const World& world);
/// The same as people read it.
std::string description_text(const Value& item);

/// Of the instances that names or patterns choose.
Answer describe_instances(const std::vector<std::string>& names, const World& world);

}  // namespace orctl
