#include <doctest/doctest.h>

#include "plan/resume.h"
#include "plan/undo.h"
#include "plan_host.h"

using namespace orctl;
using namespace orctl::test::plan_host;

namespace {

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
