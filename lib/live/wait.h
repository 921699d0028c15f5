#pragma once
#include <functional>
#include <string>

#include "gateway/overrides.h"
#include "sys/world.h"

namespace orctl {

/// What keeps a condition from being true, "" when it is.
using Missing = std::function<std::string()>;

/// Looks again and again until nothing is missing; tells `progress` what is each time it changes. An instance that does
/// not answer is a reason to go on. Exit::timeout with what is missing when the deadline passes.
void wait_until(const Missing& missing, const World& world, Deadline deadline, Millis limit,
                const std::function<void(const std::string&)>& progress);

/// A server takes no new requests (drained, in maintenance, removed or gone), has none in flight, and every worker has
/// followed.
std::string missing_of_drained(const World& world, const ServerName& server);
/// Every worker serves with the overrides and the document that are there now.
std::string missing_of_followers(const World& world, const std::string& instance);
/// The instance runs, its workers agree, and every server that it may send requests to is up by its checks.
std::string missing_of_healthy(const World& world, const std::string& instance);
/// Every worker serves generation `number` or a later one.
std::string missing_of_generation(const World& world, const std::string& instance, int64_t number);

}  // namespace orctl
