#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/layout.h"
#include "model/certificates.h"
#include "plan/plan.h"
#include "render/render.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr int cases = 200;
const std::string name = "tst_law_001_8080";

Target target_of(const Value& spec) {
  Target target;
  const Value& nginx = spec.at("nginx");
  if (const Value* binary = nginx.find("binary")) target.binary = binary->as_string();
  if (const Value* user = nginx.find("user")) target.user = target.group = user->as_string();
  return target;
}

Version version_of(const Value& manifest, const Tree& overlay) {
  const Instance instance = instance_of(manifest);
  const Rendered rendered = render(instance, overlay, target_of(instance.spec), Layout("/"));
  return {instance.spec, instance.source.text, "manifest.json", rendered.tree, rendered.digest, rendered.unit};
}

/// The instance runs just what `version` says.
Live live_of(const Version& version) {
  return {true, target_of(version.spec).binary, sha256(version.document()), version.digest,
          certificates_digest(version.tree)};
}

InstancePlan plan_between(const std::optional<Version>& before, const std::optional<Version>& after, const Live& live) {
  const std::string binary = after ? target_of(after->spec).binary : "";
  return plan_instance(name, "0123abc", before, after, live, binary);
}

Tree random_overlay(Random& r) {
  Tree out;
  if (r.chance(30)) out["http.d/a.conf"] = {"map $host $a { default \"" + r.text("abc ", 20) + "\"; }\n"};
  if (r.chance(30)) out["lua/x.lua"] = {"return \"" + r.bytes(40) + "\"\n"};
  if (r.chance(20)) out["certs/a.pem"] = {r.bytes(200)};
  return out;
}

bool has_step(const InstancePlan& plan, const Step& step) {
  return std::find(plan.steps.begin(), plan.steps.end(), step) != plan.steps.end();
}

std::set<std::string> changed_files(const Version& a, const Version& b) {
  std::set<std::string> out;
  for (const auto& [path, file] : a.tree)
    if (!b.tree.contains(path) || !(b.tree.at(path) == file)) out.insert(path);
  for (const auto& [path, file] : b.tree)
    if (!a.tree.contains(path)) out.insert(path);
  return out;
}

/// The changes of what is written; what the process was doing is another matter.
std::vector<Change> written(const InstancePlan& plan) {
  std::vector<Change> out;
  for (const Change& c : plan.changes)
    if (c.key != Key(Whole::process)) out.push_back(c);
  return out;
}

std::set<std::string> keys_of(const InstancePlan& plan) {
  std::set<std::string> out;
  for (const Change& c : written(plan)) out.insert(to_string(c.key));
  return out;
}

Value without_source(Value manifest) {
  std::erase_if(manifest.members(), [](const auto& m) { return m.key == "source"; });
  return manifest;
}

/// Two versions a few edits apart.
struct Pair {
  explicit Pair(uint32_t n) : random(n) {
    Value manifest = random_manifest(random);
    const Tree overlay = random_overlay(random);
    before = version_of(manifest, overlay);
    for (int edits = random.between(0, 3); edits > 0; --edits) edit_manifest(random, manifest);
    if (random.chance(10)) manifest.find("nginx")->set("user", "www-data");
    if (random.chance(10)) manifest.find("nginx")->set("binary", "/usr/bin/other");
    after = version_of(manifest, random.chance(20) ? random_overlay(random) : overlay);
  }
  Random random;
  Version before, after;
};

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = [] {
    std::vector<Pair> made;
    for (uint32_t n = 0; n < cases; ++n) made.emplace_back(n);
    return made;
  }();
  return all;
}

}  // namespace

TEST_CASE("planning twice gives equal plans") {
  for (const Pair& pair : pairs()) {
    CAPTURE(pair.random.seed());
    for (const auto& [before, after] : {std::pair(std::optional(pair.before), std::optional(pair.after)),
                                        std::pair(std::optional(pair.before), std::optional<Version>()),
                                        std::pair(std::optional<Version>(), std::optional(pair.after))}) {
      const InstancePlan one = plan_between(before, after, live_of(pair.before));
      REQUIRE(one == plan_between(before, after, live_of(pair.before)));
    }
  }
}

TEST_CASE("the impact is hot just when gateway.json alone differs") {
  int hot = 0, more = 0;
  for (const Pair& pair : pairs()) {
    CAPTURE(pair.random.seed());
    const InstancePlan plan = plan_between(pair.before, pair.after, live_of(pair.before));
    const std::set<std::string> files = changed_files(pair.before, pair.after);
    const bool only_document = files == std::set<std::string>{"gateway.json"} && pair.before.unit == pair.after.unit;
    REQUIRE((plan.impact() == Impact::hot) == only_document);
    REQUIRE((plan.impact() == Impact::none) == (files.empty() && pair.before.unit == pair.after.unit));
    only_document ? ++hot : ++more;
  }
  CHECK(hot > cases / 10);  // the generator makes both kinds
  CHECK(more > cases / 10);
}

TEST_CASE("the steps are what the differences need, in the order that makes them safe") {
  for (const Pair& pair : pairs()) {
    CAPTURE(pair.random.seed());
    const InstancePlan plan = plan_between(pair.before, pair.after, live_of(pair.before));
    REQUIRE(plan.empty() == plan.steps.empty());
    if (plan.empty()) continue;
    REQUIRE(has_step(plan, SwapTree{}) == !(pair.before.tree == pair.after.tree));
    REQUIRE(has_step(plan, CheckTree{}) == has_step(plan, SwapTree{}));
    REQUIRE(has_step(plan, WriteUnit{}) == (pair.before.unit != pair.after.unit));
    REQUIRE(has_step(plan, PushGateway{}) == (plan.impact() == Impact::hot));
    REQUIRE(has_step(plan, Reload{}) == (plan.impact() == Impact::reload));
    REQUIRE(plan.steps.back() == Step(Verify{}));
    const auto at = [&](const Step& step) {
      return std::find(plan.steps.begin(), plan.steps.end(), step) - plan.steps.begin();
    };
    if (has_step(plan, SwapTree{}))
      REQUIRE((at(CheckTree{}) < at(CommitRevision{}) && at(CommitRevision{}) < at(SwapTree{})));
  }
}

TEST_CASE("equal versions that run give an empty plan") {
  for (const Pair& pair : pairs()) {
    CAPTURE(pair.random.seed());
    REQUIRE(plan_between(pair.after, pair.after, live_of(pair.after)).empty());
    const InstancePlan plan = plan_between(pair.before, pair.after, live_of(pair.before));
    REQUIRE(plan.empty() == (pair.before.spec == pair.after.spec && pair.before.tree == pair.after.tree &&
                             pair.before.unit == pair.after.unit));
  }
}

TEST_CASE("the way back has the same impact over the same fields") {
  for (const Pair& pair : pairs()) {
    CAPTURE(pair.random.seed());
    const auto running = [](const Version& version) {
      Live live = live_of(version);
      live.binary = "";  // of both alike
      return live;
    };
    const InstancePlan there = plan_between(pair.before, pair.after, running(pair.before));
    const InstancePlan back = plan_between(pair.after, pair.before, running(pair.after));
    REQUIRE(back.empty() == there.empty());
    REQUIRE(back.impact() == there.impact());
    REQUIRE(keys_of(back) == keys_of(there));
  }
}

TEST_CASE("an instance is made by a start, and taken away by a stop") {
  const Version version = version_of(full_manifest(), {});
  CHECK(plan_between(std::nullopt, version, {}).impact() == Impact::start);
  CHECK(plan_between(version, std::nullopt, live_of(version)).impact() == Impact::stop);
}

TEST_CASE(
    "the process has its say: stopped starts, another tree reloads, another document is pushed, another binary "
    "restarts") {
  const Version version = version_of(without_source(full_manifest()), {});
  const Live live = live_of(version);
  const auto impact = [&](const Live& now) { return plan_between(version, version, now).impact(); };
  CHECK(impact(live) == Impact::none);
  CHECK(impact({}) == Impact::start);
  CHECK(impact({true, live.binary, live.digest, "another"}) == Impact::reload);
  CHECK(impact({true, live.binary, "another", live.tree}) == Impact::hot);
  CHECK(impact({true, "/usr/bin/other", live.digest, live.tree}) == Impact::restart);
  Live hangs = live;
  hangs.answers = false;
  CHECK(impact(hangs) == Impact::reload);
}

TEST_CASE("a document goes to workers that can serve it: after the reload that brings them, or before") {
  Value full = full_manifest();  // without a source: what that sends is no drift
  std::erase_if(full.members(), [](const auto& m) { return m.key == "source"; });
  Value manifest = full;
  manifest.find("route")->items().resize(1);
  const Version plain = version_of(manifest, {}), policies = version_of(full, {});
  const auto order = [](const Version& before, const Version& after, Live live, bool drifted) {
    if (drifted) live.digest = "another";
    std::string out;
    for (const Step& step : plan_between(before, after, live).steps)
      if (std::holds_alternative<PushGateway>(step) || std::holds_alternative<Reload>(step))
        out += to_string(step) + " ";
    return out;
  };
  CHECK(order(plain, policies, live_of(plain), false) == "reload ");
  CHECK(order(plain, policies, live_of(plain), true) == "reload push-gateway ");
  CHECK(order(policies, plain, live_of(policies), true) == "push-gateway reload ");
  Value other = full;
  other.find("nginx")->set("keepalive", 99);
  CHECK(order(policies, version_of(other, {}), live_of(policies), true) == "push-gateway reload ");
  Live live = live_of(policies);
  live.tree = "another";  // nobody knows what phases those workers have
  CHECK(order(policies, policies, live, true) == "reload push-gateway ");
  CHECK(order(plain, plain, live, true) == "push-gateway reload ");
  live.answers = false;
  CHECK(order(plain, plain, live, true) == "reload push-gateway ");
  other.find("route")->items()[1].set("client_max_body_size", "5m");
  CHECK(order(policies, version_of(other, {}), live_of(policies), true) == "reload push-gateway ");
}

TEST_CASE("another name for the same overlay folder disturbs nobody") {
  Value manifest = full_manifest();
  const Version before = version_of(manifest, {});
  manifest.set("files", "renamed/");
  CHECK(plan_between(before, version_of(manifest, {}), live_of(before)).impact() == Impact::none);
}

TEST_CASE("what a source gave is no drift, and upstreams beside a source are start values") {
  Value manifest = full_manifest();
  const Version with = version_of(manifest, {});
  REQUIRE(with.has_source());
  CHECK(with.tree.at("settings.json").content.find("\"key\": \"balancer:config\"") != std::string::npos);
  Live live = live_of(with);
  live.digest = std::string(64, 'a');
  CHECK(plan_between(with, with, live).empty());
  CHECK_FALSE(has_step(plan_lifecycle(name, "0123abc", with, live, std::nullopt), PushGateway{}));

  manifest.find("upstream")->items()[0].set("retries", 9);
  const InstancePlan hot = plan_between(with, version_of(manifest, {}), live);
  REQUIRE(hot.changes.size() == 1);
  CHECK(hot.impact() == Impact::hot);
  CHECK(hot.changes[0].reason == "start value; what the source holds wins");

  const Version without = version_of(without_source(manifest), {});
  const InstancePlan off = plan_between(with, without, live);
  CHECK(off.impact() == Impact::reload);
  CHECK_FALSE(has_step(off, PushGateway{}));  // the tree's document is served by the reload itself
  for (const Change& c : off.changes) CHECK(c.reason.empty());
  CHECK_FALSE(plan_between(without, without, live).empty());
}
