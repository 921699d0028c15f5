#include "change/change.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/text.h"
#include "samples.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// What happened, in its order.
std::vector<std::string> happened;

Observed look_and_tell(const std::string& name, const World& world, const NginxMasters&) {
  const bool held = world.fs.exists(world.layout.lock(name));
  happened.push_back((held ? "look held " : "look ") + name);
  Observed now;
  now.name = name;
  return now;
}
Observed look_interrupted(const std::string& name, const World& world, const NginxMasters& all) {
  Observed now = look_and_tell(name, world, all);
  now.interrupted = true;
  return now;
}

InstancePlan plan_of(const std::string& name, Impact impact) {
  InstancePlan plan;
  plan.name = name;
  plan.before.emplace();
  plan.before->spec = instance_of(full_manifest()).spec;
  plan.after = plan.before;
  if (impact == Impact::none) return plan;
  plan.base = "what was live when it was made";
  plan.changes = {{Op::change, Whole::process, Value(), Value(), impact, ""}};
  return plan;
}

/// A wish of which every part tells that it was asked; what disturbs is refused, as it was planned upon something else.
Wish wish_of(std::vector<std::string> names, Wish::First first, Impact impact = Impact::none) {
  happened.clear();
  Wish wish;
  wish.names = std::move(names);
  wish.first = first;
  wish.look = look_and_tell;
  wish.choose = [](Wish&, const World&) { happened.push_back("choose"); };
  wish.plan = [impact](const Observed& now, const World&) {
    happened.push_back("plan " + now.name);
    return plan_of(now.name, now.name == "b" ? impact : Impact::none);
  };
  wish.prepare = [](World&) { happened.push_back("prepare"); };
  wish.finish = [](const InstancePlan& one, World&) { happened.push_back("finish " + one.name); };
  return wish;
}

Teller teller() {
  Teller tell;
  tell.show = [](const Plan& plan) { happened.push_back(fmt::format("show {}", plan.instances.size())); };
  tell.dry_run = [](const Plan&) { happened.push_back("dry run"); };
  tell.report = [](const Plan&, const std::vector<Outcome>& outcomes) {
    for (const Outcome& one : outcomes) happened.push_back("report " + one.name + (one.error ? " failed" : ""));
  };
  tell.note = [](const std::string& line) { happened.push_back("note " + line); };
  return tell;
}

std::string story() { return join(happened, ", "); }

}  // namespace

TEST_CASE("a change holds, chooses, looks once at each, plans, shows, carries out and reports, in this order") {
  const Scratch scratch;
  World world({}, scratch.path());
  const Changed done = change(wish_of({"a", "b"}, Wish::First::lock), world, teller());
  CHECK(story() ==
        "choose, look held a, plan a, look held b, plan b, show 2, prepare, report a, report b, finish a, finish b");
  CHECK(done.exit() == Exit::ok);
}

TEST_CASE("a dry run looks once, shows, and takes no lock") {
  const Scratch scratch;
  World world({}, scratch.path());
  const Changed done = change(wish_of({"a", "b"}, Wish::First::only_look, Impact::reload), world, teller());
  CHECK(story() == "choose, look a, plan a, look b, plan b, show 2, dry run");
  CHECK(done.outcomes.empty());
  CHECK_FALSE(world.fs.exists(world.layout.lock("a")));
}

TEST_CASE("where nothing is to be done, nobody is kept out") {
  const Scratch scratch;
  World world({}, scratch.path());
  change(wish_of({"a"}, Wish::First::look), world, teller());
  CHECK(story() == "choose, look a, plan a, show 1, prepare, report a, finish a");
  CHECK_FALSE(world.fs.exists(world.layout.lock("a")));
}

TEST_CASE("what is to be settled, or to be done, is looked at once more with the lock held") {
  const Scratch scratch;
  World world({}, scratch.path());
  SUBCASE("a kill left something") {
    Wish wish = wish_of({"a"}, Wish::First::look);
    wish.look = look_interrupted;
    change(wish, world, teller());
    CHECK(story() == "choose, look a, plan a, choose, look held a, plan a, show 1, prepare, report a, finish a");
  }
  SUBCASE("a folder of an interrupted command lies there") {
    world.fs.make_folders(world.layout.confirm_trial("a"));
    change(wish_of({"a"}, Wish::First::look), world, teller());
    CHECK(story() == "choose, look a, plan a, choose, look held a, plan a, show 1, prepare, report a, finish a");
  }
  SUBCASE("there is something to do") {
    change(wish_of({"b"}, Wish::First::look, Impact::hot), world, teller());
    CHECK(story() == "choose, look b, plan b, choose, look held b, plan b, show 1, prepare, report b failed");
  }
}

TEST_CASE("the first instance that fails ends it: what succeeded is finished, and the rest is not attempted") {
  const Scratch scratch;
  World world({}, scratch.path());
  const Changed done = change(wish_of({"a", "b", "c"}, Wish::First::lock, Impact::reload), world, teller());
  CHECK(done.plan.instances.size() == 3);
  CHECK(done.outcomes.size() == 2);
  CHECK(done.exit() == Exit::conflict);
  const std::string told = story();
  CHECK(told.ends_with("report a, report b failed, finish a"));
}

TEST_CASE("what a guard refuses is not shown, and nothing of it is done") {
  const Scratch scratch;
  World world({}, scratch.path());
  for (const auto first : {Wish::First::lock, Wish::First::look, Wish::First::only_look}) {
    Wish wish = wish_of({"a", "b"}, first, Impact::restart);
    wish.most = Impact::reload;
    CHECK(error_of([&] { change(wish, world, teller()); }).exit() == Exit::guard);
    CHECK(story().ends_with("plan b"));
  }
}

TEST_CASE("what no plan is about is cleared with the lock held, and not planned") {
  const Scratch scratch;
  World world({}, scratch.path());
  Wish wish = wish_of({"a", "b"}, Wish::First::lock);
  wish.clear = [](const Observed& now, World&) {
    happened.push_back("clear " + now.name);
    return now.name == "a";
  };
  change(wish, world, teller());
  CHECK(story() == "choose, look held a, clear a, look held b, clear b, plan b, show 1, prepare, report b, finish b");
  wish = wish_of({"a"}, Wish::First::only_look);
  wish.clear = [](const Observed&, World&) -> bool { throw Error(Exit::broken, "cleared in a dry run"); };
  change(wish, world, teller());
  CHECK(story() == "choose, look held a, plan a, show 1, dry run");
}

TEST_CASE("a choice made with the locks held may narrow the names") {
  const Scratch scratch;
  World world({}, scratch.path());
  Wish wish = wish_of({"a", "b"}, Wish::First::lock);
  wish.choose = [](Wish& w, const World& now) {
    CHECK(now.fs.exists(now.layout.lock("a")));
    w.names = {"b"};
  };
  change(wish, world, teller());
  CHECK(story() == "look held b, plan b, show 1, prepare, report b, finish b");
}
