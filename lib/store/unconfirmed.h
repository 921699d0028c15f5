#pragma once
#include <optional>
#include <string>

#include "sys/world.h"

namespace orctl {

/// A revision that goes back to what was live before it, unless somebody confirms it in time. It is kept in a file of
/// its own, durable before the revision goes live, so that whoever comes next knows of it: the timer, the waiting
/// child, or the next changing command when both are gone.
struct Unconfirmed {
  std::string name;    ///< instance
  std::string commit;  ///< the revision that waits; nothing is done once another one is live
  std::string base;    ///< what goes live again; "" when there was no instance before
  int revision = 0;
  Millis within{0};
  Millis left{0};      ///< 0: the time is over. After a restart of the machine it counts from there again
  std::string author;  ///< who is asked

  bool expired() const { return left.count() == 0; }
  int64_t seconds_left() const;   ///< rounded up
  std::string left_text() const;  ///< "4m12s", "overdue"
  std::string line() const;       ///< what comes when, and what to say against it
  std::string reason() const;     ///< of the revision that takes it back: "not confirmed within 5m"
  std::string way_back() const;   ///< the command that ends the wait by going back now
};

/// What an operator is to do when a change waits for him.
std::string confirm_line(const std::string& name, Millis left);

/// The wait of the live revision, if it waits. An Error(Exit::target) when the store has lost what tells it.
std::optional<Unconfirmed> unconfirmed(const std::string& name, const World& world);

/// The wait that was armed last, which may belong to a revision that is not live (yet, or any more).
std::optional<Unconfirmed> armed(const std::string& name, const World& world);

/// Whether the newest revision is the way back from one that nobody had confirmed in time.
bool was_taken_back(const std::string& name, const World& world);

/// Whether another revision than the one that waits is live, or none. What the store has lost tells nothing: an
/// Error(Exit::target) says so.
bool has_moved_on(const Unconfirmed& wait, const World& world);

/// What the command of the revision says that takes an unconfirmed one back.
std::string expired_command(const std::string& name);

}  // namespace orctl
