#include <set>

#include "answer/examined.h"
#include "answer/status.h"
#include "samples.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string name = "tst_law_001_8080";

/// An instance that runs and of which nothing is to be said; each test makes one thing of it ill.
Examined well() {
  Examined seen;
  Observed& now = seen.now;
  now.name = name;
  now.applied = Revision{};
  now.applied->number = 7;
  now.version = Version{};
  now.version->spec = object({{"nginx", object({{"worker_shutdown_timeout", "30s"}})}});
  now.pid = 42;
  now.masters = {42};
  now.live.running = true;
  now.live.digest = now.live.tree = "d";
  now.status = GatewayStatus{};
  now.status->digest = now.status->tree = "d";
  now.status->generation = 3;
  now.status->worker_count = 2;
  now.status->uptime = 900;
  for (const int pid : {51, 52}) now.status->workers.push_back({pid, 3, "d", "d", "", "", 0});
  seen.summary = GatewaySummary{};
  seen.summary->requests = 1000;
  seen.summary->upstreams.push_back({"pay", 3, 3, 0, 0, false, {}});
  return seen;
}

Examined in_unit() {
  Examined seen = well();
  seen.now.unit = systemd::UnitState{};
  seen.now.unit->active = "active";
  seen.now.unit->sub = "running";
  seen.now.live.at_boot = true;
  return seen;
}

Examined stopped_unit(const char* active, const char* sub) {
  Examined seen = in_unit();
  seen.now.pid = 0;
  seen.now.masters.clear();
  seen.now.status.reset();
  seen.now.unit->active = active;
  seen.now.unit->sub = sub;
  seen.summary.reset();
  return seen;
}

/// "severity code", one a line.
std::string told(const Examined& seen) {
  std::string out;
  for (const Finding& one : findings_of(seen)) out += std::string(word_of(one.concern)) + " " + one.code + "\n";
  return out;
}

std::string line(const Examined& seen) { return line_of(findings_of(seen)); }

GatewaySummary::Upstream& pay(Examined& seen) { return seen.summary->upstreams.front(); }

}  // namespace

TEST_CASE("of an instance that is well nothing is said") {
  CHECK(told(well()).empty());
  CHECK(told(in_unit()).empty());
}

TEST_CASE("each kind of finding has one severity, a meaning, and its place in the help") {
  std::set<std::string> codes;
  for (const FindingKind& kind : finding_kinds()) {
    CHECK_MESSAGE(codes.insert(kind.code).second, kind.code);
    CHECK(finding(kind.code, "x").concern == kind.concern);
    CHECK_MESSAGE(has(kinds_text(kind.concern), std::string(kind.code) + " (" + kind.meaning + ")"), kind.code);
    CHECK_MESSAGE(std::string(kind.code).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos,
                  kind.code);
  }
  CHECK_THROWS(finding("no_such", "x"));
}

TEST_CASE("the severities are those that scripts and alerts rely on") {
  for (const char* code :
       {"upstream_down",  "servers_down", "errors",   "stopped", "masked", "crash_loop",  "failed",
        "silent",         "no_rights",    "not_told", "tree",    "drift",  "certificate", "workers_behind",
        "workers_fallen", "interrupted",  "overdue",  "source",  "broken", "lost",        "masters"})
    CHECK_MESSAGE(finding(code, "x").concern == Concern::fault, code);
  for (const char* code : {"certificate_soon", "apply_failed", "some_errors", "open_files", "draining_long"})
    CHECK_MESSAGE(finding(code, "x").concern == Concern::warning, code);
  for (const char* code : {"overrides", "unconfirmed", "draining", "changing", "not_at_boot", "uncounted"})
    CHECK_MESSAGE(finding(code, "x").concern == Concern::note, code);
}

TEST_CASE("servers that are down are a fault, servers that somebody took out are none, unless nobody is left") {
  Examined seen = well();
  pay(seen) = {"pay", 3, 2, 1, 0, false, {{"10.0.0.1:80", "down", "http: status 503"}}};
  CHECK(told(seen) == "fault servers_down\n");
  CHECK(line(seen) ==
        "1 of 3 servers of 'pay' down (10.0.0.1:80 http: status 503): bring it back, or take it out: "
        "orctl maint tst_law_001_8080/pay/10.0.0.1:80 --reason TEXT");
  pay(seen) = {"pay", 3, 2, 0, 1, false, {}};
  CHECK(told(seen).empty());
  pay(seen) = {"pay", 3, 0, 0, 3, false, {}};
  CHECK(told(seen) == "fault upstream_down\n");
  CHECK(has(line(seen), "orctl ready 'tst_law_001_8080/pay/*'"));
  pay(seen) = {"pay", 0, 0, 0, 0, false, {}};
  CHECK(told(seen) == "fault upstream_down\n");
  pay(seen) = {"pay", 2, 0, 0, 0, true, {}};
  CHECK(told(seen) == "note uncounted\n");
}

TEST_CASE("what a gateway says is no command, and no line of its own") {
  Examined seen = well();
  pay(seen) = {"pay", 3, 2, 1, 0, false, {{"10.0.0.1:80; rm -rf /", "down", "x\n  note well: all"}}};
  const Finding found = findings_of(seen).front();
  CHECK(found.mend == "bring it back, or take it out: orctl maint tst_law_001_8080/pay/SERVER --reason TEXT");
  CHECK(found.text.find('\n') == std::string::npos);
}

TEST_CASE("many servers that are down are named by the first, and counted") {
  Examined seen = well();
  pay(seen) = {"pay", 60, 40, 20, 0, false, {}};
  for (int i = 0; i < 10; ++i) pay(seen).faults.push_back({"10.0.0." + std::to_string(i) + ":80", "down", "down"});
  CHECK(has(line(seen), "(10.0.0.0:80 down, 10.0.0.1:80 down, 10.0.0.2:80 down and 17 more)"));
}

TEST_CASE("the share of errors counts from some on") {
  Examined seen = well();
  const auto with = [&](int64_t requests, int64_t errors) {
    seen.summary->requests = requests;
    seen.summary->errors = errors;
    return told(seen);
  };
  CHECK(with(1000, 0).empty());
  CHECK(with(1000, 9).empty());
  CHECK(with(1000, 10) == "warning some_errors\n");
  CHECK(with(1000, 49) == "warning some_errors\n");
  CHECK(with(1000, 50) == "fault errors\n");
  CHECK(with(2, 2) == "warning some_errors\n");
  CHECK(with(3, 3) == "fault errors\n");
  CHECK(with(0, 0).empty());
  seen.summary->requests.reset();
  CHECK(told(seen).empty());
}

TEST_CASE("workers that differ, are missing or fell are a fault, by their pids") {
  Examined seen = well();
  seen.now.status->workers[1].generation = 2;
  CHECK(told(seen) == "fault workers_behind\n");
  CHECK(has(line(seen), "1 of 2 workers do not serve what the others do (pid 52)"));
  seen = well();
  seen.now.status->workers[0].error = "no room";
  CHECK(has(line(seen), "(pid 51): no room"));
  seen = well();
  seen.now.status->workers.pop_back();
  seen.now.live.digest = seen.now.live.tree = "";
  CHECK(told(seen) == "fault workers_behind\n");
  seen = well();
  seen.summary->fallen = 2;
  CHECK(told(seen) == "fault workers_fallen\n");
}

TEST_CASE("a unit that is masked, failed, or starts again and again is told apart") {
  CHECK(told(stopped_unit("inactive", "dead")) == "fault stopped\n");
  Examined seen = stopped_unit("failed", "failed");
  seen.now.unit->result = "exit-code";
  CHECK(told(seen) == "fault failed\n");
  CHECK(has(line(seen), "its unit failed: exit-code: orctl start tst_law_001_8080"));
  seen = stopped_unit("activating", "auto-restart");
  seen.now.live.restarting = true;
  seen.now.unit->restarts = 4;
  CHECK(told(seen) == "fault crash_loop\n");
  CHECK(has(line(seen), "(4 times): orctl logs tst_law_001_8080"));
  seen = stopped_unit("inactive", "dead");
  seen.now.unit->masked = true;
  CHECK(told(seen) == "fault masked\n");
  CHECK(has(line(seen), "systemctl unmask openresty-tst_law_001_8080.service && orctl apply -f MANIFEST"));
  seen = in_unit();
  seen.now.unit->restarts = 3;
  CHECK(told(seen).empty());
  seen.now.status->uptime = 5;
  CHECK(told(seen) == "fault crash_loop\n");
  seen = in_unit();
  seen.now.live.at_boot = false;
  CHECK(told(seen) == "note not_at_boot\n");
  seen = in_unit();
  seen.now.live.keeper = Live::Keeper::none;
  CHECK(told(seen) == "fault outside_unit\n");
}

TEST_CASE("who cannot be looked at is never well") {
  Examined seen = well();
  seen.now.status.reset();
  seen.summary.reset();
  seen.now.live.answers = false;
  seen.now.problem = "no whole answer within 2000 ms";
  CHECK(told(seen) == "fault silent\n");
  seen.now.denied = true;
  CHECK(told(seen) == "fault no_rights\n");
  seen = well();
  seen.not_told.emplace_back(Exit::timeout, "no whole answer within 2000 ms");
  CHECK(told(seen) == "fault not_told\n");
  seen = well();
  seen.now.status.reset();
  CHECK(told(seen) == "fault degraded\n");
  seen = well();
  seen.now.broken = Error(Exit::target, "a ref is broken", "orctl store verify");
  CHECK(told(seen) == "fault broken\n");
  CHECK(line(seen) == "a ref is broken: orctl store verify");
}

TEST_CASE("overrides and unconfirmed changes are known, and overdue ones are a fault") {
  Examined seen = well();
  seen.overrides = {object({{"upstream", "pay"}, {"server", "10.0.0.1:80"}, {"state", "drain"}, {"expires_in", 1800}}),
                    object({{"upstream", "pay"}, {"server", "10.0.0.2:80"}, {"weight", 5}, {"expires_in", 60}})};
  CHECK(told(seen) == "note overrides\n");
  CHECK(line(seen) == "2 overrides (pay/10.0.0.1:80 drain, pay/10.0.0.2:80 weight 5), the next ends in 1m");
  seen = well();
  seen.now.unconfirmed = Unconfirmed{};
  seen.now.unconfirmed->name = name;
  seen.now.unconfirmed->left = Millis(60000);
  CHECK(told(seen) == "note unconfirmed\n");
  seen.now.unconfirmed->left = Millis(0);
  CHECK(told(seen) == "fault overdue\n");
}

TEST_CASE("a change that was killed is a fault, one that is under way is none") {
  Examined seen = well();
  seen.now.interrupted = true;
  CHECK(told(seen) == "fault interrupted\n");
  seen.changing = true;
  CHECK(told(seen) == "note changing\n");
}

TEST_CASE("the newest revision is told when it did not go live, with when, by whom and why") {
  Examined seen = well();
  seen.now.newest = Revision{};
  seen.now.newest->number = 8;
  seen.now.newest->time = 1764547200;
  seen.now.newest->author = "ann@host";
  seen.now.newest->cause = "port 80 is taken";
  seen.now.newest->outcome = "applied";
  CHECK(told(seen).empty());
  seen.now.newest->outcome = "rolled-back";
  CHECK(told(seen) == "warning apply_failed\n");
  CHECK(line(seen) ==
        "revision 8 of 2025-12-01T00:00:00Z by ann@host did not go live: port 80 is taken: orctl history "
        "tst_law_001_8080");
}

TEST_CASE("old workers are known, and told when they stay beyond their time") {
  Examined seen = well();
  seen.draining = {{61, 3}, {62, std::nullopt}};
  CHECK(told(seen) == "note draining\n");
  CHECK(line(seen) == "2 workers of before a reload still end requests, for up to 3s (pid 61 62)");
  seen.draining = {{61, 3600}};
  CHECK(told(seen) == "warning draining_long\n");
  CHECK(has(line(seen), "kill -TERM 61"));
}

TEST_CASE("drift is told once: what has a finding of its own is left out of it") {
  Examined seen = well();
  const auto drift = [](Drift::State state, const char* subject) {
    return Drift{state, Drift::Ahead::disk, subject, "changed", "mend it"};
  };
  seen.drift = {drift(Drift::State::behind, "worker 51"), drift(Drift::State::interrupted, "change")};
  CHECK(told(seen).empty());
  seen.drift.push_back(drift(Drift::State::unit, "unit"));
  CHECK(line(seen) == "unit: changed: mend it");
  seen.drift.push_back(drift(Drift::State::edited, "file a"));
  CHECK(line(seen) == "unit: changed, file a: changed: orctl drift tst_law_001_8080");
  seen.tree = Error(Exit::target, "its tree was changed by hand: a", "apply it");
  CHECK(told(seen) == "fault tree\nfault drift\n");
}

TEST_CASE("faults come first in the line, and only the first says what mends it") {
  Examined seen = well();
  seen.overrides = {object({{"upstream", "pay"}, {"server", "10.0.0.1:80"}, {"state", "drain"}})};
  seen.endings = {{Ending::Urgency::warning, "certificate a ends in 20 days"},
                  {Ending::Urgency::fault, "certificate b ends in 6 days"}};
  CHECK(line(seen) ==
        "certificate b ends in 6 days: put a new one into the manifest's files, and apply it: it is hot; "
        "certificate a ends in 20 days; 1 override (pay/10.0.0.1:80 drain), without an end");
}

TEST_CASE("an item of status holds everything as data") {
  const Scratch scratch;
  Examined seen = well();
  pay(seen) = {"pay", 3, 2, 1, 0, false, {{"10.0.0.1:80", "failing", "its last tries failed"}}};
  seen.summary->errors = 10;
  seen.summary->seconds = 60;
  seen.draining = {{61, 3}};
  seen.findings = findings_of(seen);
  const Value item = status_item(seen, World({}, scratch.path()));
  CHECK(item.at("well") == Value(false));
  CHECK(item.at("servers") == object({{"up", 2}, {"total", 3}}));
  CHECK(item.at("upstreams").items()[0].at("faults").items()[0].at("state") == Value("failing"));
  CHECK(item.at("last_minute").at("requests") == Value(1000));
  CHECK(item.at("last_minute").at("error_share") == Value(0.01));
  CHECK(item.at("draining") == array({object({{"pid", 61}, {"seconds", 3}})}));
  CHECK(item.at("findings").items()[0].at("code") == Value("servers_down"));
  CHECK(item.at("findings").items()[0].at("severity") == Value("fault"));
  for (const Column& column : status_noun().columns) {
    if (column.head == "SERVERS") CHECK(column.text(item, column.field) == "2/3 (pay 2/3)");
    if (column.head == "ERRORS") CHECK(column.text(item, column.field) == "1.0%");
    if (column.head == "DRIFT") CHECK(column.text(item, column.field) == "none");
  }
}
