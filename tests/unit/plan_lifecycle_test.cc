#include <doctest/doctest.h>

#include "base/hash.h"
#include "model/certificates.h"
#include "plan/plan.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;
using Action = Supervise::Action;

namespace {

Version version() {
  Version v;
  v.spec = instance_of(full_manifest()).spec;
  v.tree = {{"gateway.json", {"{}"}}, {"nginx.conf", {"events {}\n"}}};
  v.digest = "tree";
  v.unit = "[Service]\nUser=or-a\nTimeoutStopSec=15\n";
  return v;
}

/// As when the process runs exactly that version, by its unit.
Live live_of(const Version& v) {
  Live live;
  live.running = true;
  live.tree = v.digest;
  live.digest = sha256(v.document());
  live.certs = certificates_digest(v.tree);
  live.keeper = Live::Keeper::unit;
  return live;
}

std::vector<std::string> steps(const InstancePlan& plan) {
  std::vector<std::string> out;
  for (const Step& step : plan.steps) out.push_back(to_string(step));
  return out;
}

std::vector<std::string> steps(const Live& live, std::optional<Action> action) {
  return steps(plan_lifecycle("a", "base", version(), live, action));
}

using Steps = std::vector<std::string>;

}  // namespace

TEST_CASE("an upgrade is proved before the old master goes") {
  CHECK(steps(live_of(version()), Action::upgrade) == Steps{"supervise-upgrade", "verify", "supervise-retire"});
  CHECK(steps(Live{}, Action::upgrade).empty());
}

TEST_CASE("starting at boot is changed only when it is otherwise") {
  Live live = live_of(version());
  CHECK(steps(live, Action::enable) == Steps{"supervise-enable"});
  CHECK(steps(live, Action::disable).empty());
  live.at_boot = true;
  CHECK(steps(live, Action::enable).empty());
  CHECK(steps(live, Action::disable) == Steps{"supervise-disable"});
  CHECK(plan_lifecycle("a", "base", version(), live, Action::disable).impact() == Impact::none);
}

TEST_CASE("what systemd is about to start again can be stopped") {
  Live live;
  CHECK(steps(live, Action::stop).empty());
  live.restarting = true;
  CHECK(steps(live, Action::stop) == Steps{"supervise-stop"});
}

TEST_CASE("a process outside of its unit is brought into it by a restart") {
  Live live = live_of(version());
  live.keeper = Live::Keeper::none;
  CHECK(steps(live, Action::start) == Steps{"supervise-restart", "verify"});
  const InstancePlan plan = plan_instance("a", "base", version(), version(), live, "");
  CHECK(plan.impact() == Impact::restart);
  CHECK(plan.changes.at(0).reason == "it runs outside of its systemd unit");
}

TEST_CASE("a unit with other rights needs a new process where a unit runs it, and only there") {
  Version after = version();
  after.unit = "[Service]\nUser=or-a\nTimeoutStopSec=15\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n";
  Live live = live_of(version());
  live.other_rights = true;
  CHECK(plan_instance("a", "base", version(), after, live, "").impact() == Impact::restart);
  live.keeper = Live::Keeper::process;
  CHECK(plan_instance("a", "base", version(), after, live, "").impact() == Impact::none);
  live.keeper = Live::Keeper::unit;
  live.other_rights = false;
  CHECK(plan_instance("a", "base", version(), after, live, "").impact() == Impact::none);
}

TEST_CASE("where the digest that nginx.conf carries changes, only a reload can be proved") {
  const auto carrying = [](const std::string& digit, const std::string& document) {
    Version v = version();
    v.digest = std::string(64, digit[0]);
    v.tree["gateway.json"] = {document};
    v.tree["nginx.conf"] = {"init_by_lua_block { boot(\"/t\", \"" + v.digest + "\") }\n"};
    return v;
  };
  const auto impact = [&](const Version& before, const Version& after) {
    return plan_instance("a", "base", before, after, live_of(before), "").impact();
  };
  CHECK(impact(carrying("1", "{}"), carrying("1", "{\"format\": 1}")) == Impact::hot);
  CHECK(impact(carrying("1", "{}"), carrying("2", "{\"format\": 1}")) == Impact::reload);
  CHECK(impact(carrying("1", "{}"), carrying("2", "{}")) == Impact::reload);
}
