#include "answer/description.h"
#include "answer/instances.h"
#include "answer/status.h"
#include "samples.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Observed stopped() {
  Observed now;
  now.name = "tst_law_001_8080";
  now.tree_path = "/opt/openresty/tst_law_001_8080";
  now.version.emplace();
  now.version->digest = "0123456789abcdef";
  now.version->spec = object({{"name", now.name},
                              {"listener", array({})},
                              {"certificate", array({})},
                              {"upstream", array({})},
                              {"route", array({})}});
  now.applied.emplace();
  now.applied->number = 7;
  now.applied->author = "ann@host";
  return now;
}

Observed running() {
  Observed now = stopped();
  now.pid = 42;
  now.live.binary = "/usr/sbin/nginx";
  now.open_files = 1024;
  now.wanted_open_files = 4096;
  now.problem = "it hangs";
  now.interrupted = true;
  now.masters = {42, 43};
  now.unconfirmed.emplace();
  now.unconfirmed->name = now.name;
  now.unconfirmed->left = Millis(61000);
  now.unit.emplace();
  now.unit->active = "active";
  now.unit->sub = "running";
  now.unit->enabled = "enabled";
  now.unit->restarts = 3;
  return now;
}

Examined examined(const Observed& now) {
  Examined seen;
  seen.now = now;
  seen.findings = findings_of(seen);
  return seen;
}

}  // namespace

TEST_CASE("what describe says as text is said by its item, too: another item is another text") {
  const Scratch scratch;
  const World world({}, scratch.path());
  const Value item = description_item(examined(running()), world);
  const std::string text = description_text(item);
  for (const std::string line :
       {"Status:        degraded (it hangs)", "Revision:      7 by ann@host", "(0123456789ab)",
        "Master:        pid 42, /usr/sbin/nginx", "Open files:    1024 at most, 4096 wanted",
        "starts at boot, restarted 3 times", "goes back in 1m1s unless somebody says: orctl confirm tst_law_001_8080",
        "2 nginx masters (pids 42 and 43)", "An apply was interrupted",
        "Findings:\n  fault masters: 2 nginx masters (pids 42 and 43) serve beside each other\n    orctl start "
        "tst_law_001_8080\n",
        "  note unconfirmed: goes back in 1m1s unless somebody says: orctl confirm tst_law_001_8080\n"})
    CHECK_MESSAGE(has(text, line), line << " in\n" << text);
  Value other = item;
  other.set("admin_socket", "/elsewhere.sock");
  other.set("confirm_seconds_left", 0);
  other.set("interrupted", false);
  other.set("findings", array({}));
  CHECK(has(description_text(other), "Admin socket:  /elsewhere.sock\n"));
  CHECK(has(description_text(other), "nobody confirmed it in time"));
  CHECK(!has(description_text(other), "An apply was interrupted"));
}

TEST_CASE("of a stopped instance nothing is said that only a process has") {
  const Scratch scratch;
  const Value item = description_item(examined(stopped()), World({}, scratch.path()));
  for (const char* absent : {"remark", "fault", "binary", "open_files", "unit", "gateway", "health"})
    CHECK_MESSAGE(item.find(absent) == nullptr, absent);
  CHECK(!has(description_text(item), "Master:"));
}

TEST_CASE("of a broken instance its revision is told as far as it is known, in the list as in the table") {
  const Scratch scratch;
  Observed now = stopped();
  now.broken = Error(Exit::target, "a ref is broken");
  now.version.reset();
  const Value item = instance_item(now);
  CHECK(item ==
        object({{"name", now.name}, {"status", "broken"}, {"remark", "a ref is broken"}, {"revision", 7}, {"pid", 0}}));
  for (const Column& column : noun_of(*find_kind("Instance")).columns)
    if (column.head == "REVISION") CHECK(column.text(item, column.field) == "7");
  const std::string text = description_text(description_item(examined(now), World({}, scratch.path())));
  CHECK(has(text, "Status:        broken (a ref is broken)\n"));
  CHECK(has(text, "/opt/openresty/tst_law_001_8080 (cannot be read)\n"));
}
