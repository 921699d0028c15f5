#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/tree.h"
#include "live/observe.h"
#include "model/instance.h"
#include "sys/world.h"

namespace orctl {

/// Certificates that the gateway serves: name, hosts, not_after, chain_not_after where what is sent with it ends before
/// it, days until the first of them ends, sha256, key_type; those of the manifest, by name and hosts only, when it does
/// not answer.
Value::Array certificates_of(const Observed& o, const World& world);

/// A served certificate whose time is a matter for people.
struct Ending {
  enum class Urgency { warning, fault };
  Urgency urgency;   ///< fault: it has fewer than 7 days left, has ended, or has not begun; warning: fewer than 21
  std::string text;  ///< "certificate shop ends in 3 days (2026-11-24T12:00:00Z)"
};

/// What is to be said of one of certificates_of(); nullopt: nothing.
std::optional<Ending> ending_of(const Value& certificate);

}  // namespace orctl
