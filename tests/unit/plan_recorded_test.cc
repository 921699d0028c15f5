#include <doctest/doctest.h>

#include "base/error.h"
#include "plan/recorded.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Version version_of(const std::string& text) {
  Version out;
  out.spec = instance_of(full_manifest()).spec;
  out.manifest = text;
  out.manifest_name = "manifest.json";
  out.tree["nginx.conf"] = {"# " + text};
  out.unit = "unit";
  return out;
}

InstancePlan sample() {
  InstancePlan plan;
  plan.name = "a";
  plan.base = "c0ffee";
  plan.before = version_of("old");
  plan.after = version_of("new");
  plan.changes = {{Op::change, FieldKey{{{"nginx"}, {"keepalive"}}}, Value(1), Value(2), Impact::reload, ""}};
  plan.steps = {CheckTree{}, CommitRevision{}, SwapTree{}, Reload{}, Verify{}};
  return plan;
}

PlanFile file_of(const InstancePlan& plan) {
  return {"lb1", "/var/lib/orctl/store.git", "2026-11-30T00:00:00Z", "me@lb1", {"/m/a.toml"},
          true,  {recorded(plan, 7)}};
}

}  // namespace

TEST_CASE("a plan file is read as it was written") {
  const InstancePlan plan = sample();
  const PlanFile written = file_of(plan), read = read_plan_file({"plan.json", to_text(written)});
  CHECK(to_text(read) == to_text(written));
  CHECK(read.recursive);
  REQUIRE(read.find("a") != nullptr);
  CHECK(read.find("b") == nullptr);
  CHECK(moved_since(*read.find("a"), plan, 7) == "");
}

TEST_CASE("whatever moves is told, and by its own words") {
  const Value was = recorded(sample(), 7);
  const auto told = [&](const std::function<void(InstancePlan&)>& move, int revision = 7) {
    InstancePlan now = sample();
    move(now);
    return moved_since(was, now, revision);
  };
  CHECK(told([](InstancePlan&) {}) == "");
  CHECK(told([](InstancePlan& p) { p.base = "beef"; }, 8) ==
        "revision 7 was live when the plan was made, and now it is 8");
  CHECK(told([](InstancePlan& p) { p.after->manifest += " "; }).starts_with("its manifest is another"));
  for (const auto& move : std::vector<std::function<void(Version&)>>{
           [](Version& v) { v.tree["nginx.conf"].content += "x"; },
           [](Version& v) { v.tree["nginx.conf"].mode = 0600; }, [](Version& v) { v.tree["lua/x.lua"] = {""}; },
           [](Version& v) { v.tree.clear(); }, [](Version& v) { v.tree["nginx.conf"].irregular = "a symlink"; },
           [](Version& v) { v.unit = "other"; }, [](Version& v) { v.spec.set("files", "x/"); }}) {
    CHECK(told([&](InstancePlan& p) { move(*p.after); }).starts_with("its manifest means something else"));
    CHECK(told([&](InstancePlan& p) { move(*p.before); }).starts_with("its files on this host are others"));
  }
  CHECK(told([](InstancePlan& p) { p.before.reset(); }).starts_with("its files on this host are others"));
  CHECK(told([](InstancePlan& p) {
          p.steps.insert(p.steps.begin() + 4, PushGateway{});
        }).ends_with("now also: push-gateway"));
  CHECK(told([](InstancePlan& p) { p.changes.clear(); }).ends_with("no longer: change nginx.keepalive"));
  CHECK(told([](InstancePlan& p) { std::swap(p.steps[0], p.steps[1]); }).ends_with("in another order"));
}

TEST_CASE("what is no plan file is told at its place") {
  const std::string good = to_text(file_of(sample()));
  CHECK_THROWS_WITH_AS(read_plan_file({"p.json", "{"}), doctest::Contains("p.json:1:"), Error);
  CHECK_THROWS_WITH_AS(read_plan_file({"p.json", "[]"}), doctest::Contains("p.json:1:1: this is no plan file"), Error);
  CHECK_THROWS_WITH_AS(read_plan_file({"p.json", R"({"kind":"Plan"})"}), doctest::Contains("this is no plan file"),
                       Error);
  for (const char* member :
       {"host", "store", "made_at", "made_by", "manifests", "recursive", "plans", "name", "impact", "steps", "changes",
        "op", "key", "made_from", "revision", "base", "manifest", "wanted", "disk"}) {
    std::string without = good;
    const std::string key = '"' + std::string(member) + "\": ";
    const size_t at = good.find(key);
    REQUIRE(at != std::string::npos);
    without.replace(at, key.size(), "\"x" + std::string(member) + "\": ");
    CHECK_THROWS_WITH_AS(read_plan_file({"p.json", without}), doctest::Contains(member), Error);
  }
}

TEST_CASE("any text is a plan file or refused") {
  Random random(5);
  const std::string good = to_text(file_of(sample()));
  for (int i = 0; i < 500; ++i) {
    std::string text = good;
    for (size_t n = 1 + random.below(3); n > 0; --n)
      text[random.below(text.size())] = static_cast<char>(random.below(128));
    try {
      const PlanFile file = read_plan_file({"p.json", text});
      for (const Value& one : file.plans) moved_since(one, sample(), 7);
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::refused);
      CHECK(!e.hint().empty());
    }
  }
}
