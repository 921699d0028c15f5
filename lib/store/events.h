#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/world.h"

namespace orctl {

/// Something that was done to an instance and makes no revision: of its process, an override, a confirmation, a tag.
/// Kept as a commit of its own, with no files, on a ref beside the instance's branch.
struct Event {
  std::string commit;
  int64_t time = 0;  ///< seconds since 1970
  std::string author, command, reason, ticket;
  std::string target;                    ///< "pay/10.0.0.1:8080"; "" when it is the instance itself
  std::string outcome, cause, duration;  ///< as those of a revision
  std::string ends;                      ///< RFC 3339: when an override ends by itself; "" when it does not
  std::string audit;                     ///< "N HASH" of its line in the audit log
};

std::string events_ref(const std::string& name);  ///< "refs/orctl/events/<name>"

/// Keeps an event of an instance, durable on return. Takes the store's lock.
void record_event(World& world, const std::string& name, const Event& event);

/// Newest first, as far as they can be read; `end` is set to what could not. limit 0: all.
std::vector<Event> events(const World& world, const std::string& name, size_t limit, std::optional<Error>& end);

/// Mends a ref of events that leads to what cannot be read: those that can be are kept. The caller holds the store's
/// lock. Returns whether something is lost.
bool heal_events(World& world, const std::string& name);

}  // namespace orctl
