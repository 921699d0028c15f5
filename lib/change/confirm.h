#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "change/request.h"
#include "plan/plan.h"
#include "store/unconfirmed.h"
#include "sys/world.h"

namespace orctl {

struct Request;

/// Makes the wait durable, keeps those private keys of `before` that the store does not, and starts the timer, or the
/// waiting child where systemd does not run. What is armed acts by `orctl confirm --expired NAME`.
void arm_confirm(const Unconfirmed& wait, const Tree& before, const Request& request, World& world);
/// The whole time again, from now: the revision has just been proved.
void restart_count(const std::string& name, World& world);
/// Ends the wait: the revision stays, or is gone.
void end_wait(const std::string& name, World& world);
/// Keeps the revision: ends the wait, and says so in the audit log.
void confirm(const Unconfirmed& wait, const Request& request, World& world,
             const std::function<void(const std::string&)>& tell);

/// What a repair of the store made of an instance's revisions.
struct Follow {
  enum class Live { kept, made };            ///< whether what is live now is a revision of before
  std::map<std::string, std::string> moved;  ///< the commits of those that were kept: before, and now
  std::string commit;                        ///< the live one
  int revision = 0;
  Live live = Live::kept;
};
/// Lets a wait go on for what its revision has become, or ends it and says so where nothing is left to go back to. The
/// caller holds the lock.
void follow_wait(const std::string& name, const Follow& follow, const Request& request, World& world,
                 const std::function<void(const std::string&)>& tell);

/// Ends a wait whose revision is not live any more, and notes what became of it. The caller holds the lock.
void drop_stale_wait(const std::string& name, World& world, const Request& request,
                     const std::function<void(const std::string&)>& note);
/// The same, and takes back what nobody has confirmed in time, by a new revision that is proved like any other. When
/// that fails it is noted, and it waits on. The caller holds the lock.
void settle_unconfirmed(const std::string& name, World& world, const Request& request,
                        const std::function<void(const std::string&)>& note);

}  // namespace orctl
