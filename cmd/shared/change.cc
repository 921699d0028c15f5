#include "shared/change.h"

#include <fmt/format.h>

#include "base/text.h"
#include "change/guards.h"
#include "shared/warn_masters.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

/// "deploy_me_001_80 configured: revision 2, hot; generation 3 on 2 workers (35 ms)"
std::string outcome_line(const Outcome& o, const std::string& verb) {
  std::string line = o.name + " " + verb;
  if (!o.changed) return line;
  if (o.revision != 0) line += fmt::format(": revision {}", o.revision);
  line += fmt::format("{} {}", o.revision != 0 ? "," : ":", to_string(o.impact));
  if (!o.proof.workers.empty())
    line += fmt::format("; proved by {} at generation {}",
                        o.proof.workers.size() == 1 ? "1 worker" : fmt::format("{} workers", o.proof.workers.size()),
                        o.proof.generation);
  return line + fmt::format(" ({} ms)", o.took.count());
}

Value item_of(const InstancePlan& planned, const Outcome& o, const std::string& verb) {
  Value item = summary(planned);
  item.set("result", o.error ? "failed" : verb);
  item.set("changed", o.changed);
  if (o.revision != 0) item.set("revision", o.revision);
  if (!o.proof.workers.empty()) {
    item.set("generation", o.proof.generation);
    Value workers = Value::array();
    for (const int pid : o.proof.workers) workers.push(pid);
    item.set("workers", std::move(workers));
  }
  if (!o.error && o.confirm_within.count() != 0) item.set("confirm_seconds_left", o.confirm_within.count() / 1000);
  item.set("milliseconds", static_cast<int64_t>(o.took.count()));
  return item;
}

void tell_unattempted(Io& io, const InstancePlan& planned) {
  Value item = summary(planned);
  item.set("result", "not attempted");
  item.set("changed", false);
  io.item(std::move(item));
  io.warn(planned.name + " was not attempted: an instance before it failed", "run the same command again");
}

/// Tells how each instance of a plan ended.
void report(Io& io, const Plan& plan, const std::vector<Outcome>& outcomes,
            const std::function<std::string(const InstancePlan&)>& verb) {
  bool changed = false;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& o = outcomes[i];
    const std::string done = verb(plan.instances[i]);
    changed = changed || o.changed;
    io.item(item_of(plan.instances[i], o, done));
    if (o.error)
      io.error(*o.error);
    else
      io.print(outcome_line(o, done) + "\n");
    if (!o.error && o.confirm_within.count() != 0) io.note(o.name + ": " + confirm_line(o.name, o.confirm_within));
  }
  for (size_t i = outcomes.size(); i < plan.instances.size(); ++i) tell_unattempted(io, plan.instances[i]);
  io.changed(changed);
}

}  // namespace

void add_time_flags(Flags& f, ChangeFlags& c) {
  f.add("--lock-timeout", c.lock_timeout, "how long to wait while another orctl works on the instance")
      .env("ORCTL_LOCK_TIMEOUT")
      .config("lock_timeout");
  f.add("--verify-timeout", c.verify_timeout, "how long every worker and listener may take to prove what it serves")
      .env("ORCTL_VERIFY_TIMEOUT")
      .config("verify_timeout");
}

void add_change_flags(Flags& f, ChangeFlags& c) {
  f.add("--reason", c.reason, "why; kept in the history").value("TEXT").kept();
  add_time_flags(f, c);
  f.add("--watch-log", c.watch_log, "how long to watch the new workers after a reload or restart; 0s: not at all");
}

Request make_request(const ChangeFlags& c, const World& world, const std::string& command) {
  Request request;
  request.note = {world.env.user() + "@" + world.env.host(), c.reason, command};
  request.verify_limit = c.verify_timeout;
  request.lock_wait = c.lock_timeout;
  request.watch_log = c.watch_log;
  request.begun = world.clock.uptime();
  return request;
}

void warn(Io& io, const Error& e) { io.warn(e.what(), e.hint()); }

void warn_unsettled(Io& io, const Plan& plan, const World& world) {
  std::vector<std::string> names;
  for (const InstancePlan& one : plan.instances) names.push_back(one.name);
  warn_masters(io, names, world);
  for (const Error& one : warnings_of_plan(plan, world)) warn(io, one);
}

Changed run_change(Wish wish, const Showing& showing, World& world, Io& io) {
  Teller tell;
  tell.show = showing.show ? showing.show : [](const Plan&) {};
  tell.dry_run = showing.dry_run ? showing.dry_run : [](const Plan&) {};
  tell.report = [&](const Plan& plan, const std::vector<Outcome>& outcomes) {
    report(io, plan, outcomes, showing.verb);
  };
  tell.note = remarks(io);
  return change(std::move(wish), world, tell);
}

std::function<void(const std::string&)> remarks(Io& io) {
  return [&io](const std::string& line) { io.note(line); };
}

}  // namespace orctl
