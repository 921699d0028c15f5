#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "plan/step.h"

namespace orctl {

/// What there is of one instance whose change has failed half-way, or was killed: what can be seen (look(),
/// change/traces.h), and how far whoever asks has come himself. undo() and resume() go by nothing else.
struct Traces {
  /// Which tree a folder holds, by what the plan says; `before` where before and after are equal.
  enum class Holds { nothing, before, after, other };
  /// Who began the change: after a kill nobody knows which of its steps were done.
  enum class Begun { here, by_killed };

  Begun begun = Begun::here;
  std::vector<Step> done;  ///< by whoever asks, in order
  std::optional<Step> at;  ///< the step in which he failed

  Holds live = Holds::nothing;  ///< as HealSwap leaves it
  bool staged = false;          ///< likewise; whatever is on the stage
  bool aside = false;           ///< a tree is where SwapTree puts it for an instant

  bool was_running = false;     ///< before the change
  bool running = false;         ///< now
  bool unreachable = false;     ///< it runs, and nobody reaches its workers: only a start can be proved
  bool upgrading = false;       ///< the old master of an upgrade is there still
  bool unit_of_others = false;  ///< the unit that the change has written over could have been changed by others

  std::string commit;    ///< the change's revision; "" as long as there is none
  int revision = 0;      ///< its number, for people
  std::string outcome;   ///< what the store notes of it; "" while nobody has said
  std::string applied;   ///< the commit that the store calls live; "" when none
  bool deletes = false;  ///< `commit` takes the instance away

  bool operator==(const Traces&) const = default;
};

/// Whether a step of this kind was done, or failed half-way.
template <class Kind>
bool has_begun(const Traces& there) {
  const auto is = [](const Step& step) { return std::holds_alternative<Kind>(step); };
  return (there.at && is(*there.at)) || std::any_of(there.done.begin(), there.done.end(), is);
}

inline bool is_done(const Traces& there, const Step& step) {
  return std::find(there.done.begin(), there.done.end(), step) != there.done.end();
}
inline bool has_begun(const Traces& there, const Step& step) { return there.at == step || is_done(there, step); }

/// Whether the live tree may be another than before, by what was begun.
inline bool may_have_swapped(const Traces& there) {
  return there.begun == Traces::Begun::by_killed || has_begun<SwapTree>(there);
}

}  // namespace orctl
