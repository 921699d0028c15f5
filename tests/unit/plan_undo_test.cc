#include <doctest/doctest.h>

#include "base/hash.h"
#include "model/certificates.h"
#include "plan/plan.h"
#include "plan/resume.h"
#include "plan/traces.h"
#include "plan/undo.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;
using Action = Supervise::Action;
using Holds = Traces::Holds;

/// undo() and resume() against a model of a host: every plan, cut off at every step and in the middle of each.
namespace {

enum class Way { there, on, back };

/// A host with one instance, as far as the steps change it. Versions are "b" (before) and "a" (after); "" is nothing.
struct Host {
  std::string live, stage, aside, unit, applied, head, outcome;
  bool belongings = false, made = false;
  // the process: what it is, and what its workers read last
  std::string binary, tree, document;
  bool leaving = false, two_masters = false, unreachable = false;
  bool gone_for_good = false;
  bool operator==(const Host&) const = default;

  bool runs() const { return !binary.empty(); }
};

/// What the two versions of a plan are called where they are compared by these parts.
struct Names {
  explicit Names(const InstancePlan& p) : plan(p) {}
  std::string before() const { return plan.before ? "b" : ""; }
  std::string tree(bool after) const {
    if (!after) return before();
    return !plan.after ? "" : plan.before && plan.before->tree == plan.after->tree ? "b" : "a";
  }
  std::string unit(bool after) const {
    if (!after) return before();
    return !plan.after ? "" : plan.before && plan.before->unit == plan.after->unit ? "b" : "a";
  }
  /// What a process reads of that tree: its name is "b" where it is the same in both.
  std::string conf(const std::string& name) const {
    return plan.before && plan.after && plan.before->digest == plan.after->digest ? before() : name;
  }
  std::string document(const std::string& name) const {
    return plan.before && plan.after && plan.before->document() == plan.after->document() ? before() : name;
  }
  const InstancePlan& plan;
};

void read_tree(Host& host, const Names& names) {
  host.tree = names.conf(host.live);
  host.document = names.document(host.live);
}

void start(Host& host, const Names& names, const std::string& binary) {
  REQUIRE_FALSE(host.runs());
  REQUIRE(host.live != "");
  REQUIRE(host.unit != "");
  host.binary = binary;
  read_tree(host, names);
}

void stop(Host& host) {
  host.binary = host.tree = host.document = "";
  host.leaving = host.two_masters = host.unreachable = false;
}

void heal(Host& host) {
  if (host.aside.empty()) return;
  if (host.live.empty())
    host.live = host.aside;
  else if (host.stage.empty())
    host.stage = host.aside;
  host.aside = "";
}

void swap_tree(Host& host, bool installs) {
  if (installs) REQUIRE(host.stage != "");
  if (installs && !host.live.empty())
    std::swap(host.live, host.stage);
  else if (installs)
    host.live = std::exchange(host.stage, "");
  else if (!host.live.empty())
    host.stage = std::exchange(host.live, "");
}

void supervise(Host& host, const Names& names, Action action, const std::string& binary) {
  switch (action) {
    case Action::start:
      return start(host, names, binary);
    case Action::stop:
    case Action::end:
      return stop(host);
    case Action::restart:
      stop(host);
      return start(host, names, binary);
    case Action::upgrade:
      REQUIRE(host.runs());
      host.two_masters = true;
      return;
    case Action::retire:
    case Action::revert:
      REQUIRE(host.two_masters);
      host.two_masters = false;
      return;
    case Action::enable:
    case Action::disable:
      return;
  }
}

void carry(Host& host, const InstancePlan& plan, const Step& step, Way way) {
  const Names names(plan);
  const bool after = way != Way::back;
  const std::string goal = names.tree(after), binary = after ? "a" : "b";
  const auto is = [&](const Step& other) { return step == other; };
  if (is(CheckTree{})) {
    host.stage = goal;
    host.made = !host.belongings;
    host.belongings = true;
  } else if (is(CommitRevision{})) {
    host.head = "c2";
    host.outcome = "";
  } else if (std::holds_alternative<SwapTree>(step)) {
    swap_tree(host, !goal.empty());
  } else if (std::holds_alternative<WriteUnit>(step)) {
    host.unit = names.unit(after);
  } else if (is(PushGateway{})) {
    REQUIRE((host.runs() && !host.leaving && !host.unreachable));
    host.document = names.document(goal);
  } else if (is(Reload{})) {
    REQUIRE(host.runs());
    if (!host.leaving) read_tree(host, names);
  } else if (const auto* process = std::get_if<Supervise>(&step)) {
    supervise(host, names, process->action, binary);
  } else if (is(Verify{})) {
    REQUIRE((host.runs() && !host.leaving && !host.unreachable));
    REQUIRE(host.tree == names.conf(goal));
    REQUIRE(host.document == names.document(goal));
  } else if (is(HealSwap{})) {
    heal(host);
  } else if (is(RemoveTree{})) {
    host.live = "";
  } else if (is(DropStage{})) {
    host.stage = "";
  } else if (const auto* belongings = std::get_if<RemoveBelongings>(&step)) {
    if (belongings->which == RemoveBelongings::Which::made && !host.made) return;
    REQUIRE_FALSE(host.runs());
    host.belongings = false;
  } else if (is(RemoveInstance{})) {
    REQUIRE_FALSE(host.runs());
    host.stage = "";
    host.belongings = false;
    host.gone_for_good = true;
  } else if (is(MarkApplied{})) {
    host.applied = way == Way::back ? plan.base : plan.after ? host.head : "";
  } else if (const auto* note = std::get_if<NoteOutcome>(&step)) {
    host.outcome = to_string(note->outcome);
  }
}

/// Every state in which a step can leave the host that fails, or is killed, before it is done; the first is untouched.
std::vector<Host> cut_off(const Host& host, const InstancePlan& plan, const Step& step) {
  std::vector<Host> all = {host};
  const auto* swap = std::get_if<SwapTree>(&step);
  if (swap != nullptr && swap->in_two && !host.live.empty() && plan.after) {
    Host cut = host;
    cut.aside = std::exchange(cut.live, "");
    all.push_back(cut);
    cut.live = std::exchange(cut.stage, "");
    all.push_back(cut);
  }
  const auto* process = std::get_if<Supervise>(&step);
  const bool stops = process != nullptr && (process->action == Action::stop || process->action == Action::restart);
  if (stops && host.runs()) {
    Host cut = host;
    cut.leaving = cut.unreachable = true;  // its socket goes first
    all.push_back(cut);
    stop(cut);
    all.push_back(cut);
  }
  Host whole = host;  // done, and not said to be
  carry(whole, plan, step, Way::there);
  all.push_back(whole);
  return all;
}

Traces traces_of(const Host& host, const InstancePlan& plan, Traces there) {
  const Names names(plan);
  Host healed = host;
  heal(healed);
  there.live = healed.live.empty()               ? Holds::nothing
               : healed.live == names.before()   ? Holds::before
               : healed.live == names.tree(true) ? Holds::after
                                                 : Holds::other;
  there.staged = !healed.stage.empty();
  there.aside = !host.aside.empty();
  there.running = host.runs();
  there.unreachable = host.unreachable;
  there.upgrading = host.two_masters;
  there.applied = host.applied;
  there.outcome = host.outcome;
  return there;
}

Version version(const std::string& document, const std::string& conf, const std::string& unit) {
  Version v;
  v.spec = instance_of(full_manifest()).spec;
  std::erase_if(v.spec.members(), [](const auto& m) { return m.key == "source"; });
  v.tree = {{"gateway.json", {document}}, {"nginx.conf", {conf}}, {"certs.json", {"{}"}}};
  v.digest = "of " + conf;
  v.unit = unit;
  return v;
}

/// A plan, and the host that it is made for.
struct Case {
  InstancePlan plan;
  Host host;
};

Host host_of(const InstancePlan& plan, bool runs) {
  Host host;
  const Names names(plan);
  host.live = host.unit = names.before();
  host.belongings = plan.before.has_value();
  host.applied = host.head = plan.base;
  host.outcome = plan.before ? "applied" : "";
  if (runs) host.binary = host.tree = host.document = names.before();
  return host;
}

Live live_of(const Version& v, bool runs) {
  Live live;
  live.running = runs;
  live.binary = "/old";
  live.tree = v.digest;
  live.digest = sha256(v.document());
  live.certs = certificates_digest(v.tree);
  return live;
}

/// Every kind of plan: what differs is told by bits.
std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](InstancePlan plan, bool runs) {
    if (plan.empty()) return;
    const Host host = host_of(plan, runs);
    all.push_back({std::move(plan), host});
  };
  const Version before = version("{}", "conf", "unit");
  for (unsigned bits = 0; bits < 128; ++bits) {
    const bool runs = bits & 1, two = bits & 32, confirmed = bits & 64;
    Version after = version(bits & 2 ? "{1}" : "{}", bits & 4 ? "conf1" : "conf", bits & 8 ? "unit1" : "unit");
    Plan plan{{plan_instance("a", "c1", before, after, live_of(before, runs), bits & 16 ? "/new" : "/old")}};
    if (confirmed) ask_confirmation(plan);
    for (Step& step : plan.instances[0].steps)
      if (auto* swap = std::get_if<SwapTree>(&step)) swap->in_two = two;
    add(std::move(plan.instances[0]), runs);
  }
  add(plan_instance("a", "", std::nullopt, before, {}, "/old"), false);
  for (const bool runs : {false, true}) {
    add(plan_instance("a", "c1", before, std::nullopt, live_of(before, runs), "/old"), runs);
    for (const auto action : {Action::start, Action::stop, Action::restart, Action::upgrade})
      add(plan_lifecycle("a", "c1", before, live_of(before, runs), action), runs);
    add(plan_lifecycle("a", "c1", before, live_of(before, runs), std::nullopt), runs);
  }
  return all;
}

std::string text(const std::vector<Step>& steps) {
  std::string out;
  for (const Step& step : steps) out += to_string(step) + " ";
  return out;
}

/// All that people and processes can see of it.
Host visible(Host host) {
  host.head = host.outcome = "";
  host.made = false;
  return host;
}

/// Carries undo() out, and checks that nothing is left of the change.
void must_be_undone(Host host, const Case& one, const Traces& there) {
  const auto steps = undo(one.plan, there);
  CAPTURE(text(one.plan.steps));
  CAPTURE(text(there.done));
  CAPTURE(text(steps));
  for (const Step& step : steps) carry(host, one.plan, step, Way::back);
  Host wanted = visible(one.host);
  // what belongs to an instance that is there may be made for good; an upgrade that was taken back is none
  wanted.belongings = one.plan.before.has_value();
  REQUIRE(visible(host) == wanted);
}

/// As the step says of itself in `there`, whether it can come so far at all.
bool can_fail_there(const Host& cut, const Host& host, const Step& step) {
  // a reload that was refused before its signal is the same as none; one that was taken up is done
  return !std::holds_alternative<Reload>(step) || cut == host;
}

Traces run_of(const Case& one) {
  Traces there;
  there.was_running = one.host.runs();
  return there;
}

}  // namespace

TEST_CASE("undo after any step of any plan, and in the middle of each, gives what was before") {
  int tried = 0;
  for (const Case& one : cases()) {
    Host host = one.host;
    Traces there = run_of(one);
    for (const Step& step : one.plan.steps) {
      must_be_undone(host, one, traces_of(host, one.plan, there));  // interrupted before it
      for (const Host& cut : cut_off(host, one.plan, step)) {
        if (step == Step(Supervise{Action::retire}) || !can_fail_there(cut, host, step)) continue;
        Traces failed = there;
        failed.at = step;
        if (step == Step(CommitRevision{}) && cut.head != host.head) failed.commit = cut.head;
        must_be_undone(cut, one, traces_of(cut, one.plan, failed));
        ++tried;
      }
      carry(host, one.plan, step, Way::there);
      there.done.push_back(step);
      if (step == Step(CommitRevision{})) there.commit = host.head;
    }
    if (one.plan.steps.back() == Step(Supervise{Action::retire})) continue;
    for (const Step& step : closing(one.plan, there)) {
      if (step == Step(RemoveInstance{})) break;
      carry(host, one.plan, step, Way::there);
      there.at = step;
    }
    must_be_undone(host, one, traces_of(host, one.plan, there));
  }
  CHECK(tried > 500);
}

TEST_CASE("a failure before anything has an effect undoes no more than what the check has made") {
  const Case install{plan_instance("a", "", std::nullopt, version("{}", "c", "u"), {}, "/old"), {}};
  CHECK(undo(install.plan, {}).empty());
  Traces there;
  there.at = CheckTree{};
  CHECK_FALSE(has_effects(there));
  CHECK(text(undo(install.plan, there)) == "drop-stage remove-made ");
  there.done = {CheckTree{}};
  there.at = CommitRevision{};
  CHECK(text(undo(install.plan, there)) == "drop-stage remove-made ");
}

TEST_CASE("an upgrade is taken back as long as the old master is there, and no further") {
  const Version v = version("{}", "conf", "unit");
  const InstancePlan plan = plan_lifecycle("a", "c1", v, live_of(v, true), Action::upgrade);
  Traces there;
  there.was_running = there.running = true;
  there.at = Supervise{Action::upgrade};
  CHECK(undo(plan, there).empty());  // refused before the signal
  there.upgrading = true;
  CHECK(text(undo(plan, there)).starts_with("supervise-revert "));
  there.done = {Supervise{Action::upgrade}, Verify{}};
  there.at = Supervise{Action::retire};
  CHECK_FALSE(has_effects(there));
}

TEST_CASE("what others could have changed is never put back unlooked at, and its unit comes from the store") {
  int swaps = 0, starts = 0;
  for (const Case& one : cases()) {
    Host host = one.host;
    Traces there = run_of(one);
    there.unit_of_others = true;
    for (const Step& step : one.plan.steps) {
      carry(host, one.plan, step, Way::there);
      there.done.push_back(step);
      const auto steps = undo(one.plan, traces_of(host, one.plan, there));
      CAPTURE(text(steps));
      for (size_t i = 0; i < steps.size(); ++i) {
        if (std::holds_alternative<SwapTree>(steps[i])) {
          REQUIRE(i > 0);
          REQUIRE(steps[i - 1] == Step(RenewTree{RenewTree::Where::stage}));
          ++swaps;
        }
        if (steps[i] == Step(Reload{}) || steps[i] == Step(Supervise{Action::start})) {
          REQUIRE(i > 0);
          REQUIRE(steps[i - 1] == Step(RenewTree{RenewTree::Where::live}));
          ++starts;
        }
        if (std::holds_alternative<WriteUnit>(steps[i]) && one.plan.before)
          REQUIRE(steps[i] == Step(WriteUnit{WriteUnit::Of::store}));
      }
    }
  }
  CHECK(swaps > 20);
  CHECK(starts > 20);
}

TEST_CASE("a process that nobody reaches is started anew when a change is put back") {
  const Version before = version("{}", "conf", "unit"), after = version("{1}", "conf1", "unit");
  Case one{plan_instance("a", "c1", before, after, live_of(before, true), "/old"), {}};
  one.host = host_of(one.plan, true);
  Host host = one.host;
  Traces there = run_of(one);
  for (const Step& step : one.plan.steps) {
    if (step == Step(Verify{})) break;
    carry(host, one.plan, step, Way::there);
    there.done.push_back(step);
  }
  host.unreachable = true;
  must_be_undone(host, one, traces_of(host, one.plan, there));
}

namespace {

/// What a kill leaves of a change that makes a revision.
Traces killed(const Host& host, const Case& one) {
  Traces there;
  there.begun = Traces::Begun::by_killed;
  there.was_running = one.plan.before.has_value();
  there.commit = host.head;
  there.deletes = host.head == "c2" && !one.plan.after;
  return traces_of(host, one.plan, there);
}

void must_have_settled(const Host& host, const Case& one) {
  REQUIRE(host.stage.empty());
  REQUIRE(host.aside.empty());
  REQUIRE(host.outcome != "");
  const Traces there = killed(host, one);
  REQUIRE(is_settled(there));
  REQUIRE(resume(one.plan, there).empty());
}

/// Resumes what was killed; every step of that fails once, too, and is then undone.
void must_be_resumed(Host host, const Case& one) {
  const Traces there = killed(host, one);
  if (there.commit != "c2") return;  // no revision, so nobody knows of it; what is on the stage is a leftover
  const Fate end = fate(one.plan, there);
  const auto steps = resume(one.plan, there);
  CAPTURE(text(one.plan.steps));
  CAPTURE(text(steps));
  Traces run = there;
  for (const Step& step : steps) {
    REQUIRE(is_beyond_return(one.plan, run) == host.gone_for_good);
    if (end == Fate::finished && !host.gone_for_good)
      for (const Host& cut : cut_off(host, one.plan, step)) {
        Traces failed = run;
        failed.at = step;
        Case back = one;  // a change that was killed is put back to what runs
        if (one.plan.before) back.host.binary = back.host.tree = back.host.document = "b";
        Host wanted = cut;
        const auto undone = undo(one.plan, traces_of(cut, one.plan, failed));
        CAPTURE(to_string(step));
        CAPTURE(text(undone));
        for (const Step& u : undone) carry(wanted, one.plan, u, Way::back);
        wanted.binary = back.host.binary;  // which of two it is, nobody can see after a kill
        REQUIRE(visible(wanted) == visible(back.host));
        must_have_settled(wanted, one);
      }
    carry(host, one.plan, step, Way::on);
    run.done.push_back(step);
  }
  if (end == Fate::finished) {
    for (const Step& step : closing(one.plan, run)) carry(host, one.plan, step, Way::on);
    for (const Step& step : sweeping(one.plan, run)) carry(host, one.plan, step, Way::on);
  }
  must_have_settled(host, one);
  const Names names(one.plan);
  const bool went_on = host.applied != one.plan.base;
  REQUIRE(went_on == (end == Fate::finished || (end == Fate::settled && there.applied != one.plan.base)));
  if (!went_on) {
    REQUIRE(visible(host) == visible(one.host));
  } else {
    REQUIRE(host.live == names.tree(true));
    REQUIRE(host.unit == names.unit(true));
    REQUIRE(host.tree == names.conf(names.tree(true)));
    REQUIRE(host.document == names.document(names.tree(true)));
    REQUIRE(host.belongings == one.plan.after.has_value());
  }
}

}  // namespace

TEST_CASE("resume after a kill at any point ends in what was before or in what was to be, and leaves nothing to do") {
  int tried = 0;
  for (const Case& one : cases()) {
    if (!one.plan.makes_revision()) continue;
    std::vector<Step> steps = one.plan.steps;
    Traces commit;
    commit.commit = "c2";
    for (const auto& more : {closing(one.plan, commit), sweeping(one.plan, commit)})
      steps.insert(steps.end(), more.begin(), more.end());
    Host host = one.host;
    for (const Step& step : steps) {
      for (const Host& cut : cut_off(host, one.plan, step)) {
        must_be_resumed(cut, one);
        ++tried;
      }
      carry(host, one.plan, step, Way::there);
    }
    must_be_resumed(host, one);
  }
  CHECK(tried > 300);
}

TEST_CASE("of an instance that never was, no process is left when its interrupted first apply is taken back") {
  Case one{plan_instance("a", "", std::nullopt, version("{}", "conf", "unit"), {}, "/old"), {}};
  Host host;
  for (const Step& step : one.plan.steps) carry(host, one.plan, step, Way::there);
  Traces there = killed(host, one);
  there.at = RequireTrust{};
  const std::string steps = text(undo(one.plan, there));
  CHECK(steps.find("supervise-end ") < steps.find("remove-belongings "));
}
