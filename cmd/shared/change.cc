#include "shared/change.h"

#include <fmt/format.h>

#include "answer/looked.h"
#include "answer/outcomes.h"
#include "base/text.h"
#include "base/whose.h"
#include "change/guards.h"
#include "cli/show_answer.h"
#include "model/masked.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

void tell_unattempted(Io& io, const InstancePlan& planned) {
  io.item(unattempted_item(planned));
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
    io.item(outcome_item(plan.instances[i], o, done));
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

void tell_stopped(Io& io, const std::vector<std::string>& names, const Error& why) {
  if (names.size() < 2) return;
  std::vector<std::string> others;
  for (const std::string& name : names) {
    const bool failed = is_named(why.what(), name);
    if (!failed) others.push_back(name);
    io.item(stopped_item(name, failed ? "failed" : "not attempted"));
  }
  if (!others.empty())
    io.warn(join(others, ", ") + (others.size() == 1 ? " was" : " were") + " not attempted: nothing was changed",
            "mend what the error says, or leave out what it names, then run the same command again");
}

void add_time_flags(Flags& f, ChangeFlags& c) {
  f.add("--lock-timeout", c.lock_timeout, "how long to wait while another orctl works on the instance")
      .env("ORCTL_LOCK_TIMEOUT")
      .config("lock_timeout");
  f.add("--verify-timeout", c.verify_timeout, "how long every worker and listener may take to prove what it serves")
      .env("ORCTL_VERIFY_TIMEOUT")
      .config("verify_timeout");
}

Flag add_reason_flags(Flags& f, ChangeFlags& c, const std::string& kept_in) {
  Flag reason = f.add("--reason", c.reason, kept_in).value("TEXT").kept().env("ORCTL_REASON");
  f.add("--ticket", c.ticket, "ticket that asks for it; kept with the reason").value("ID").kept().env("ORCTL_TICKET");
  return reason;
}

void add_change_flags(Flags& f, ChangeFlags& c) {
  add_reason_flags(f, c);
  add_time_flags(f, c);
  f.add("--watch-log", c.watch_log, "how long to watch the new workers after a reload or restart; 0s: not at all");
}

void add_drift_flag(Flags& f, ChangeFlags& c) {
  f.add("--overwrite-drift", c.overwrite_drift, "let edits go that somebody made on the host; `orctl drift` shows them")
      .skips_guard();
}

Request make_request(const ChangeFlags& c, const World& world, const std::string& command) {
  Request request;
  request.note = {world.env.user() + "@" + world.env.host(), c.reason, command, c.ticket};
  request.overwrites_drift = c.overwrite_drift;
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
  Answer answer;
  warn_masters(answer, names, world);
  tell_remarks(io, answer);
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
  tell.stopped = [&](const std::vector<std::string>& names, const Error& why) { tell_stopped(io, names, why); };
  return change(std::move(wish), world, tell);
}

void tell_edit(Io& io, const InstancePlan& plan) {
  const Version &before = *plan.before, &after = *plan.after;
  const std::string was = masked_manifest({before.manifest_name, before.manifest});
  const std::string is = masked_manifest({after.manifest_name, after.manifest});
  const std::string edit = Git::text_diff(after.manifest_name, &was, &is);
  io.diff({"manifest of " + plan.name, was, "manifest of " + plan.name, is});
  if (before.manifest_name == after.manifest_name)
    io.print(
        fmt::format("Your manifest is not touched. Make this edit in it, or the next apply takes it back:\n{}", edit));
  else
    io.print(
        fmt::format("Your manifest is not touched. The store has it as JSON now, as its text could not be edited. "
                    "Make these changes in yours, or the next apply takes them back: see the plan above.\n"));
}

std::function<void(const std::string&)> remarks(Io& io) {
  return [&io](const std::string& line) { io.note(line); };
}

}  // namespace orctl
