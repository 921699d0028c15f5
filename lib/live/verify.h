#pragma once
#include <string>

#include "host/supervisor.h"
#include "live/evidence.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// What an instance proved.
struct Proof {
  int64_t generation = 0;
  std::vector<int> workers;  ///< pids
};

/// Whether the workers may serve a document that `x-save` keeps over the tree's one: after a start that brought no
/// document of its own they do, and that is what they are to serve.
enum class Saved { may_be_served, is_replaced };

/// Waits until every worker reports `version`'s tree and document, and every http and https listener serves that tree,
/// and every tcp and udp listener is the master's. A signal that
/// was sent and an `nginx -t` that passed prove nothing. What `evidence` shows of a master that has
/// refused, or of workers that fail in their start, ends the wait at once. Its old workers
/// must be gone from the reports: after a reload without a new tree nothing else tells old workers from new.
/// Throws Error with the cause when `limit` passes.
Proof verify(const World& world, const std::string& name, const Version& version, Evidence& evidence, Millis limit,
             Saved saved = Saved::may_be_served);

/// Waits until the workers of `version`'s tree have begun, as verify() does; says nothing of what they serve.
void await_tree(const World& world, const std::string& name, const Version& version, Evidence& evidence, Millis limit);

/// Looks at the workers that proved it, at least once and for `span`: an Error when one ends by a fault of its own.
void watch_workers(const World& world, const std::string& name, Evidence& evidence, const Proof& proof, Millis span);

}  // namespace orctl
