#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kind/kind.h"
#include "sys/world.h"

namespace orctl {

/// The error for a name that no instance has, with the nearest of those that are `known`.
Error unknown_instance(const std::string& name, const std::vector<std::string>& known);
/// The same for the id of anything.
Error unknown_name(const std::string& id, const World& world);

/// Ids of the objects of one kind that are there, chosen by names without the kind's word, by globs, and by labels.
std::vector<std::string> select_objects(const Kind& kind, const std::vector<std::string>& patterns,
                                        const std::vector<std::string>& labels, const World& world,
                                        const std::function<void(const Error&)>& unread);

/// Names of live instances chosen by names and globs, and by labels "key=value"; all when neither is given.
/// Exit::usage when a plain name is not known. Whose labels cannot be read is not chosen by them, but told to `unread`.
std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world,
                                          const std::function<void(const Error&)>& unread);
std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world);

}  // namespace orctl
