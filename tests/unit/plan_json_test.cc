#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "model/masked.h"
#include "plan/plan.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Version version(Random& r, const std::string& tail) {
  Version out;
  out.spec = instance_of(without_secrets(full_manifest())).spec;
  out.manifest = r.bytes(100) + tail;
  out.manifest_name = "manifest.json";
  out.digest = tail;
  out.unit = r.bytes(50);
  for (size_t n = r.below(4); n > 0; --n)
    out.tree["f" + std::to_string(n)] = {r.bytes(60), r.chance(50) ? 0600u : 0644u};
  return out;
}

Plan every_step() {
  using Action = Supervise::Action;
  Plan plan;
  plan.instances.push_back(
      {"a",
       "b",
       std::nullopt,
       std::nullopt,
       {},
       {CheckTree{}, CommitRevision{}, ArmConfirm{}, SwapTree{}, WriteUnit{}, PushGateway{}, PushCertificates{},
        Reload{}, Supervise{Action::start}, Supervise{Action::stop}, Supervise{Action::restart}, Verify{}}});
  for (const Op op : {Op::add, Op::remove, Op::change})
    for (const Impact impact :
         {Impact::none, Impact::hot, Impact::reload, Impact::restart, Impact::start, Impact::stop})
      plan.instances[0].changes.push_back({op, FieldKey{{{"nginx"}, {"keepalive"}}}, op == Op::add ? Value() : Value(1),
                                           op == Op::remove ? Value() : Value("x"), impact,
                                           impact == Impact::hot ? "because" : ""});
  return plan;
}

}  // namespace

TEST_CASE("every step, op and impact comes back from its word") {
  CHECK(plan_from_value(to_value(every_step())) == every_step());
}

TEST_CASE("a plan comes back whole from its document, whatever bytes its files hold") {
  Random random(12);
  CAPTURE(random.seed());
  for (int n = 0; n < 200; ++n) {
    Plan plan;
    for (size_t i = random.below(3); i > 0; --i) {
      std::optional<Version> before, after;
      if (random.chance(60)) before = version(random, "before");
      if (random.chance(60)) after = version(random, "after");
      plan.instances.push_back(
          plan_instance("prd_a_001_80", random.bytes(8), before, after, {random.chance(50), "", "", ""}, ""));
    }
    REQUIRE(plan_from_value(to_value(plan)) == plan);
  }
}

TEST_CASE("a secret file stands in no document of a plan, and such a plan does not come back") {
  Random random(14);
  Version after = version(random, "after");
  after.tree["certs/words"] = {"hunter2", 0600};
  after.tree["lua/x.lua"] = {"-----BEGIN PRIVATE KEY-----hunter2"};
  const Value document = to_value(Plan{{plan_instance("a", "b", std::nullopt, after, {}, "")}});
  const std::string text = to_json(document);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7") != std::string::npos);
  CHECK_THROWS_AS(plan_from_value(document), Error);
}

TEST_CASE("a secret field stands in no document of a plan, and such a plan does not come back") {
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
                                std::pair(std::optional<Version>(), std::optional(after))}) {
    const Value document = to_value(Plan{{plan_instance("a", "b", was, is, {}, "")}});
    CHECK(to_json(document).find("hunter") == std::string::npos);
    CHECK_THROWS_AS(plan_from_value(document), Error);
  }
  const InstancePlan plan = plan_instance("a", "b", before, after, {}, "");
  const auto told = std::find_if(plan.changes.begin(), plan.changes.end(), [](const Change& c) {
    return to_string(c.key) == "upstream[payment].health.headers.X-A";
  });
  REQUIRE(told != plan.changes.end());
  CHECK(told->before == Value(mask_of("hunter2")));
  CHECK(told->after == Value(mask_of("hunter3")));
}

TEST_CASE("what is no plan is refused, never with another exception") {
  Random random(13);
  CAPTURE(random.seed());
  const Plan plan{{plan_instance("a", "b", version(random, "x"), version(random, "y"), {}, "")}};
  const Value good = to_value(plan);
  for (int n = 0; n < 3000; ++n) {
    Value document = good;
    Value* at = &document;
    for (int depth = random.between(0, 5); depth > 0; --depth) {
      if (at->is_object() && !at->members().empty())
        at = &at->members()[random.below(at->members().size())].value;
      else if (at->is_array() && !at->items().empty())
        at = &at->items()[random.below(at->items().size())];
    }
    *at = random.pick<Value>(
        {Value(), Value(true), Value(7), Value("x"), Value::array(), Value::object(), array({Value(1)})});
    try {
      plan_from_value(document);
    } catch (const Error& e) {
      REQUIRE(e.exit() == Exit::refused);
    }
  }
}

TEST_CASE("a plan without a field is refused with the field's name") {
  for (const char* field : {"kind", "instances"}) {
    Value document = to_value(every_step());
    std::erase_if(document.members(), [&](const auto& m) { return m.key == field; });
    try {
      plan_from_value(document);
      FAIL("taken");
    } catch (const Error& e) {
      CHECK(std::string(e.what()).find(field) != std::string::npos);
    }
  }
}
