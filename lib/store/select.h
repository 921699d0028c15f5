#pragma once
#include <functional>
#include <optional>
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

/// Those of `patterns` that are no plain names and match none of `chosen`.
std::vector<std::string> unmatched_patterns(const std::vector<std::string>& patterns,
                                            const std::vector<std::string>& chosen);
/// The one instance that a pattern stands for, none where it matches none; a plain name is itself, whether there is
/// such an instance or not. Throws Error(Exit::usage) where there are several.
std::optional<std::string> one_instance(const std::string& pattern, const World& world);
/// For what changes or waits: throws Error(Exit::usage) when a pattern, or the labels, chose nothing.
void refuse_unmatched(const std::vector<std::string>& patterns, const std::vector<std::string>& labels,
                      const std::vector<std::string>& chosen);

/// Names of live instances chosen by names and globs, and by label selectors; all when neither is given.
/// Exit::absent when a plain name is not known. Whose labels cannot be read is not chosen by them, but told to
/// `unread`.
std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world,
                                          const std::function<void(const Error&)>& unread);
std::vector<std::string> select_instances(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& labels, const World& world);

}  // namespace orctl
