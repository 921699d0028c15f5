#include "change/carrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "change/confirm.h"
#include "change/store_repair.h"
#include "change/traces.h"
#include "host/reload_pace.h"
#include "host/target.h"
#include "live/live_tree.h"
#include "plan/resume.h"
#include "plan/undo.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

constexpr Millis long_ago(24 * 3600 * 1000);

template <class Kind>
bool has(const InstancePlan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [](const Step& step) { return std::holds_alternative<Kind>(step); });
}

}  // namespace

Carrier::Carrier(const InstancePlan& plan, Traces there, World& world, const Request& request,
                 const std::function<void(const std::string&)>& progress)
    : plan_(plan),
      world_(world),
      request_(request),
      progress_(progress),
      there_(std::move(there)),
      folder_(folder_of(plan)),
      tree_(world.layout.tree(folder_)),
      stage_(world.layout.stage(folder_)),
      supervisor_(world.layout, plan.name, tree_),
      clock_(Deadline::in(long_ago)) {
  outcome_.name = plan.name;
  outcome_.revision = there_.revision;  // of a change that was killed
  outcome_.impact = plan.impact();
}

Millis Carrier::took() const { return long_ago - clock_.left(); }

Outcome Carrier::run() {
  if (plan_.empty()) return outcome_;
  try {
    for (const Step& step : make_ready()) {
      if (interrupted() != 0) throw Error(Exit::target, "interrupted");
      carry_step(step);
    }
    if (outcome_.confirm_within.count() != 0) restart_count(plan_.name, world_);
    settle();
  } catch (const Error& cause) {
    outcome_.took = took();
    outcome_.error = fail(cause);
    if (is_beyond_return(plan_, there_) || outcome_.error->exit() == Exit::broken) outcome_.changed = true;
  }
  return outcome_;
}

/// Refuses what must not be begun. The steps that are left to be done.
std::vector<Step> Carrier::make_ready() {
  refuse_stale();
  refuse_others_place();
  if (!plan_.has_process()) return plan_.steps;
  const int master = supervisor_.master(world_);
  there_.was_running = master != 0;
  if (!plan_.before && there_.was_running)
    throw Error(Exit::conflict,
                fmt::format("an nginx of {} runs (pid {}), but the store knows nothing of it", plan_.name, master),
                way_to_adopt("end that nginx first: kill -QUIT " + std::to_string(master)));
  supervisor_.clear_way(world_);
  require_runnable(plan_, tree_, world_);
  std::vector<Step> steps = plan_.steps;
  if (there_.was_running && has<Reload>(plan_) && has_turn_passed(master)) std::erase(steps, Step(Reload{}));
  evidence_ = Evidence(ErrorLog::from_now(world_, plan_.name));
  return steps;
}

/// Waits for the turn to reload. Whether somebody else's reload has done for this one, too.
bool Carrier::has_turn_passed(int master) {
  if (!has<SwapTree>(plan_) && was_reloaded_since(world_, master, request_.begun)) {
    progress_(plan_.name + " was reloaded meanwhile by somebody else: one reload does for both");
    return true;
  }
  const Millis limit = std::max(drain_time(plan_.before->spec), request_.lock_wait);
  await_reload_turn(world_, plan_.name, master, limit, progress_);
  return false;
}

/// What is applied by the store's word; a change of the process alone goes without it where it cannot be read.
std::string Carrier::applied_now() const {
  try {
    return world_.git.exists() ? world_.git.ref(applied_ref(plan_.name)).value_or("") : "";
  } catch (const Error&) {
    stop_if_interrupted();
    if (request_.history == Request::History::needed) throw;
    return plan_.base;
  }
}

/// What to do about a tree or a process that the store knows nothing of; `otherwise` where nothing says whose it is.
std::string Carrier::way_to_adopt(const std::string& otherwise) const {
  const bool own = !find_own_tree(plan_.name, world_).empty();
  return "put the store back where it was, or " +
         (own ? "make a history from what runs: " + mend_lost_history(plan_.name) : otherwise);
}

void Carrier::refuse_stale() const {
  const std::string applied = applied_now();
  const Tree on_disk = world_.fs.read_tree(tree_, ownership());
  const bool same_tree = plan_.before ? on_disk == plan_.before->tree : on_disk.empty();
  if (applied == plan_.base && same_tree) return;
  if (!plan_.before && applied.empty())
    throw Error(Exit::conflict, fmt::format("'{}' holds a tree that the store knows nothing of", tree_),
                way_to_adopt("move that folder away"));
  throw Error(Exit::conflict, plan_.name + " has changed since this plan was made", "make the plan again");
}

/// What nobody can move out of its place is not stopped for it.
void Carrier::refuse_others_place() const {
  if (plan_.after || !world_.env.is_root()) return;
  if (const auto found = distrust(tree_.substr(0, tree_.rfind('/'))))
    throw Error(Exit::refused,
                fmt::format("{}: '{}' {}, who could change what is removed there; nothing was done", plan_.name,
                            found->path, found->why),
                found->remedy);
}

void Carrier::carry_all(const std::vector<Step>& steps) {
  for (const Step& step : steps) carry_step(step);
}

void Carrier::carry_step(const Step& step) {
  constexpr const char* words[] = {"step", "resume", "undo"};
  if (world_.trace)
    world_.trace(fmt::format("{}: {}: {}", plan_.name, words[static_cast<size_t>(way_)], to_string(step)));
  const auto carry_it = [this](const auto& one) { carry(one); };
  if (way_ == Way::back) return std::visit(carry_it, step);
  require_ready(step);
  there_.at = step;  // first: after a failure in the middle, undo() goes by what is there
  std::visit(carry_it, step);
  there_.done.push_back(step);
  there_.at.reset();
}

void Carrier::settle() {
  const Uninterrupted shield;
  carry_all(closing(plan_, there_));
  // from here on it is done and said to be; what fails now is told, and nothing is put back for it
  outcome_.changed = true;
  outcome_.took = took();
  carry_all(sweeping(plan_, there_));
  audit(to_string(plan_.after ? NoteOutcome::Outcome::applied : NoteOutcome::Outcome::deleted), "");
}

std::optional<std::string> Carrier::resume() {
  way_ = Way::on;
  const bool finishes = fate(plan_, there_) == Fate::finished;
  try {
    carry_all(orctl::resume(plan_, there_));
    if (finishes) settle();
    return std::nullopt;
  } catch (const Error& cause) {
    if (!finishes || is_beyond_return(plan_, there_)) throw;
    const Error end = put_back(cause);
    if (end.exit() == Exit::broken) throw end;
    return cause.what();
  }
}

Error Carrier::fail(const Error& cause) {
  if (is_beyond_return(plan_, there_))
    return {cause.exit(), fmt::format("{} is stopped and half removed: {}", plan_.name, cause.what()),
            "run the same command again: it goes on from there"};
  try {
    return put_back(cause);
  } catch (const Error& e) {
    return e;
  }
}

Error Carrier::put_back(const Error& cause) {
  const Uninterrupted shield;  // what was begun is put back whole
  way_ = Way::back;
  cause_ = cause.what();
  evidence_ = Evidence();  // nginx may still be logging what it could not do for the change that is taken back
  there_.upgrading = plan_.has_process() && supervisor_.upgrading(world_) != 0;
  if (!has_effects(there_)) {
    carry_all(undo(plan_, there_));
    return cause;
  }
  progress_(fmt::format("{}: {}; putting everything back", plan_.name, cause.what()));
  try {
    there_ = look(plan_, there_, world_);
    carry_all(undo(plan_, there_));
  } catch (const Error& e) {
    return {Exit::broken, fmt::format("{}: {}; and putting it back failed: {}", plan_.name, cause.what(), e.what()),
            way_out(plan_.name, tree_, world_)};
  }
  audit(to_string(NoteOutcome::Outcome::rolled_back), cause.what());
  std::string hint = cause.hint();
  if (!plan_.before &&
      hint.find(world_.layout.logs(plan_.name)) != std::string::npos)  // of a first apply no log is left
    hint = "orctl render -f MANIFEST -d DIR writes the files for a closer look";
  const Exit exit = rivalled_ ? Exit::conflict : Exit::rolled_back;
  return {exit, fmt::format("{}: {}; everything was put back as it was", plan_.name, cause.what()), hint};
}

/// Does what must not undo a change that is proved: a fault of it is only told.
void Carrier::tell(const char* what, const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& e) {
    progress_(fmt::format("{}: {}: {}", plan_.name, what, e.what()));
  }
}

void Carrier::audit(const std::string& outcome, const std::string& cause) {
  Value what = Value::object();
  if (outcome_.revision != 0) what.set("revision", outcome_.revision);  // of the process alone none is made
  what.set("impact", to_string(outcome_.impact));
  what.set("outcome", outcome);
  if (!cause.empty()) what.set("cause", cause);
  what.set("milliseconds", static_cast<int64_t>(took().count()));
  write_audit(world_, plan_.name, request_.note, what, progress_);
}

}  // namespace orctl
