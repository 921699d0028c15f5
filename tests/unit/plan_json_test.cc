#include <doctest/doctest.h>

#include <algorithm>

#include "model/masked.h"
#include "plan/plan.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Version version(Random& r, const std::string& tail) {
  Version out;
  out.spec = instance_of(full_manifest()).spec;
  out.manifest = r.bytes(100) + tail;
  out.manifest_name = "manifest.json";
  out.digest = tail;
  out.unit = r.bytes(50);
  for (size_t n = r.below(4); n > 0; --n)
    out.tree["f" + std::to_string(n)] = {r.bytes(60), r.chance(50) ? 0600u : 0644u};
  return out;
}

}  // namespace

TEST_CASE("a summary says each change and each step in its words, and what is absent it leaves out") {
  InstancePlan plan;
  plan.name = "a";
  const FieldKey key{{{"nginx"}, {"keepalive"}}};
  plan.changes = {{Op::add, key, Value(), Value("x"), Impact::hot, "because"},
                  {Op::remove, FileKey{"lua/x.lua"}, Value(1), Value(), Impact::reload, ""},
                  {Op::change, Whole::unit, Value(1), Value("x"), Impact::restart, ""}};
  plan.steps = {CheckTree{}, SwapTree{true}, Supervise{Supervise::Action::restart}, Verify{}};
  CHECK(to_json(summary(plan)) ==
        R"({"name":"a","impact":"restart","changes":[)"
        R"({"op":"add","key":"nginx.keepalive","after":"x","impact":"hot","reason":"because"},)"
        R"({"op":"remove","key":"file lua/x.lua","before":1,"impact":"reload"},)"
        R"({"op":"change","key":"unit","before":1,"after":"x","impact":"restart"}],)"
        R"("steps":["check-tree","swap-tree-in-two","supervise-restart","verify"]})");
}

TEST_CASE("a secret file stands in no summary, its fingerprint does") {
  Random random(14);
  Version before = version(random, "before"), after = before;
  before.tree["certs/words"] = {"hunter1", 0600};
  after.tree["certs/words"] = {"hunter2", 0600};
  after.tree["lua/x.lua"] = {"-----BEGIN PRIVATE KEY-----hunter2"};
  const std::string text = to_json(summary(plan_instance("a", "b", before, after, {}, "")));
  CHECK(text.find("hunter") == std::string::npos);
  CHECK(text.find("sha256:f52fbd32b2b3") != std::string::npos);
}

TEST_CASE("a secret field stands in no summary, and its change is told by masks") {
  Random random(15);
  Version before = version(random, "before"), after = before;
  const auto hide = [](Version& v, const char* secret) {
    Value& upstream = v.spec.find("upstream")->items()[0];
    upstream.find("health")->set("headers", object({{"X-A", secret}}));
    v.manifest = to_json(object({{"kind", "Instance"}, {"upstream", array({upstream})}}));
    v.tree["gateway.json"] = {to_json(object({{"upstreams", array({upstream})}}))};
  };
  hide(before, "hunter2");
  hide(after, "hunter3");
  for (const auto& [was, is] : {std::pair(std::optional(before), std::optional(after)),
                                std::pair(std::optional(before), std::optional<Version>()),
                                std::pair(std::optional<Version>(), std::optional(after))})
    CHECK(to_json(summary(plan_instance("a", "b", was, is, {}, ""))).find("hunter") == std::string::npos);
  const InstancePlan plan = plan_instance("a", "b", before, after, {}, "");
  const auto told = std::find_if(plan.changes.begin(), plan.changes.end(), [](const Change& c) {
    return to_string(c.key) == "upstream[payment].health.headers.X-A";
  });
  REQUIRE(told != plan.changes.end());
  CHECK(told->before == Value(mask_of("hunter2")));
  CHECK(told->after == Value(mask_of("hunter3")));
}
