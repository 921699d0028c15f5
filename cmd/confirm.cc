#include "change/confirm.h"

#include <fmt/format.h>

#include <algorithm>

#include "answer/outcomes.h"
#include "base/text.h"
#include "change/held.h"
#include "change/request.h"
#include "live/observe.h"
#include "shared/change.h"
#include "shared/override.h"
#include "store/history.h"
#include "store/select.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
  bool expired = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, or patterns such as 'prd_*'").required();
  f.add("--expired", o.expired,
        "what the timer calls: wait until the time is over, then go back unless it was confirmed")
      .needs_no_reason();
  add_change_flags(f, o.change);
}

constexpr Millis look_again(500), try_again(10000);
constexpr int tries = 3;

/// The instances meant; one that was taken back need not exist any more.
std::vector<std::string> chosen(const std::vector<std::string>& patterns, const World& world) {
  std::vector<std::string> names;
  for (const std::string& one : patterns)
    for (const std::string& name :
         was_taken_back(one, world) ? std::vector<std::string>{one} : select_instances({one}, {}, world))
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  refuse_unmatched(patterns, {}, names);
  return names;
}

/// Waits until the time of what is armed now is over, or somebody has ended the wait: then nothing is returned.
std::optional<Unconfirmed> await_end(const std::string& name, const World& world) {
  const auto first = armed(name, world);
  for (auto wait = first; wait && wait->commit == first->commit; wait = armed(name, world)) {
    if (wait->expired()) return wait;
    world.clock.pause(std::min(wait->left, look_again));
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for a confirmation of " + name);
  }
  return std::nullopt;
}

/// The timer's part: with the lock held what is overdue goes back. What failed is tried again: a host may be too busy
/// for the proof once.
void take_back(const std::string& name, const Request& request, World& world, Io& io) {
  for (int left = tries; const auto wait = await_end(name, world);) {
    try {
      const Held held({name}, world, request, remarks(io));
      const auto now = armed(name, world);
      if (!now || !now->expired()) continue;
      if (!unconfirmed(name, world))
        throw Error(Exit::broken, fmt::format("{} was taken back, and its record is still there", name),
                    "remove " + world.layout.confirm(name));
      throw Error(
          Exit::broken, fmt::format("revision {} of {} was not taken back", now->revision, name),
          fmt::format("mend what is said above, then: {}; or keep it: orctl confirm {}", now->way_back(), name));
    } catch (const Error& e) {
      if (--left == 0 || interrupted() != 0) throw named(e, name);
      io.note(fmt::format("{}; trying again in {}", named(e, name).what(), span_text(try_again)));
    }
    world.clock.pause(try_again);
    if (interrupted() != 0) throw Error(Exit::target, "interrupted before " + name + " was taken back");
  }
  if (world.supervision == Supervision::process) return;
  const Held held({name}, world, request, remarks(io));
  if (!armed(name, world)) end_wait(name, world);  // a kill may have left the timer
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("ConfirmResult");
  Request request = make_request(o.change, world, "confirm " + join(o.names, " "));
  if (o.expired) {
    for (const std::string& name : o.names) take_back(name, request, world, io);
    return Exit::ok;
  }
  const auto names = or_tell_stopped(io, o.names, [&] { return chosen(o.names, world); });
  std::vector<std::string> waiting;
  for (const std::string& name : names)
    if (armed(name, world) || observe(name, world).unsettled()) waiting.push_back(name);
  std::optional<Held> held;
  or_tell_stopped(io, names, [&] {
    if (!waiting.empty()) held.emplace(waiting, world, request, remarks(io));
  });
  Failures failures(io);
  size_t done = 0;
  for (const std::string& name : names) {
    std::optional<Unconfirmed> wait;
    try {
      wait = unconfirmed(name, world);
    } catch (const Error& e) {
      stop_if_interrupted();
      failures.add(e.within(name));
      io.item(stopped_item(name, "failed"));
      continue;
    }
    if (wait) {
      try {
        confirm(*wait, request, world, remarks(io));
      } catch (const Error& e) {
        failures.add(names.size() > 1 ? named(e, name) : e);
        io.item(stopped_item(name, "failed"));
        continue;
      }
      io.print(fmt::format("{} confirmed: revision {} stays\n", name, wait->revision));
    } else if (was_taken_back(name, world)) {
      failures.add(Error(Exit::conflict,
                         fmt::format("{} was taken back: {}", name, revisions(world, name, 1).front().reason),
                         "apply it again, with more time: orctl apply -f MANIFEST --confirm-within 10m"));
    } else {
      io.print(name + ": nothing to confirm\n");
    }
    const bool late = !wait && was_taken_back(name, world);
    const Confirmation what = wait ? Confirmation::confirmed : late ? Confirmation::taken_back : Confirmation::nothing;
    io.item(confirmation_item(name, what, wait ? wait->revision : 0));
    if (wait) io.changed(true);
    if (!late) ++done;
  }
  return failures.exit(done);
}

}  // namespace

Command confirm_command() {
  return command<Options>(
      {"confirm",
       "keep what was applied with --confirm-within",
       {{"Keep it", "orctl confirm prd_payment_001_8080"},
        {"Which instances wait, and how long?", "orctl get instances"}},
       "Without a confirmation in time the instance goes back to what was live before, by a new revision that is "
       "proved like any other. Exit code 7 when it came too late: then it has gone back. Where there is nothing to "
       "confirm it says so, exit code 0.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
