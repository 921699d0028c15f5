#include <doctest/doctest.h>

#include "plan/resume.h"
#include "plan/undo.h"
#include "plan_host.h"

using namespace orctl;
using namespace orctl::test::plan_host;

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

/// As it runs before the change: one that was killed is put back to that, though it may have been stopped.
Host before(const Case& one) {
  Host host = visible(one.host);
  if (one.plan.before) host.binary = host.tree = host.document = "b";
  return host;
}

/// A step of resume() fails in any way, and what was killed is undone.
void must_be_taken_back(const Host& host, const Case& one, Traces run, const Step& step) {
  run.at = step;
  for (Host cut : cut_off(host, one.plan, step)) {
    const auto undone = undo(one.plan, traces_of(cut, one.plan, run));
    CAPTURE(to_string(step));
    CAPTURE(text(undone));
    for (const Step& u : undone) carry(cut, one.plan, u, Way::back);
    if (cut.runs()) cut.binary = "b";  // which of two it is, nobody can see after a kill
    REQUIRE(visible(cut) == before(one));
    must_have_settled(cut, one);
  }
}

void must_be_what_was_to_be(const Host& host, const InstancePlan& plan) {
  const Names names(plan);
  REQUIRE(host.live == names.tree(true));
  REQUIRE(host.unit == names.unit(true));
  REQUIRE(host.tree == names.conf(names.tree(true)));
  REQUIRE(host.document == names.document(names.tree(true)));
  REQUIRE(host.belongings == plan.after.has_value());
}

/// Resumes what was killed; every step of that fails once, too.
void must_be_resumed(Host host, const Case& one) {
  const Traces there = killed(host, one);
  if (there.commit != "c2") return;  // no revision, so nobody knows of it; what is on the stage is a leftover
  const bool finishes = fate(one.plan, there) == Fate::finished;
  const auto steps = resume(one.plan, there);
  CAPTURE(text(one.plan.steps));
  CAPTURE(text(steps));
  Traces run = there;
  for (const Step& step : steps) {
    REQUIRE(is_beyond_return(one.plan, run) == host.gone_for_good);
    if (finishes && !host.gone_for_good) must_be_taken_back(host, one, run, step);
    carry(host, one.plan, step, Way::on);
    run.done.push_back(step);
  }
  if (finishes) {
    for (const Step& step : closing(one.plan, run)) carry(host, one.plan, step, Way::on);
    for (const Step& step : sweeping(one.plan, run)) carry(host, one.plan, step, Way::on);
  }
  must_have_settled(host, one);
  const bool is_new = host.applied != one.plan.base;
  REQUIRE(is_new == (finishes || there.applied != one.plan.base));
  if (is_new)
    must_be_what_was_to_be(host, one.plan);
  else
    REQUIRE(visible(host) == visible(one.host));
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
