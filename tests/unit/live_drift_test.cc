#include <doctest/doctest.h>

#include "base/hash.h"
#include "live/drift.h"

using namespace orctl;

namespace {

const std::string tree_digest_text(64, 't'), document = "{}\n";

/// An instance whose two workers serve what lies on disk and in the store.
struct Well {
  Observed now;
  KeptFiles kept;

  Well() {
    now.name = "lab_a_001_8080";
    now.pid = 1;
    now.applied = Revision{};
    now.applied->number = 3;
    now.version = Version{};
    now.version->spec = Value::object();
    now.version->tree = {{"nginx.conf", {"init_by_lua_block { x(\"a\", \"" + tree_digest_text + "\") }"}},
                         {"gateway.json", {document}}};
    kept.tree = now.version->tree;
    now.status = GatewayStatus{};
    now.status->generation = 7;
    now.status->digest = sha256(document);
    now.status->worker_count = 2;
    for (const int pid : {11, 12})
      now.status->workers.push_back({pid, 7, sha256(document), tree_digest_text, "", "", 0});
  }
  WorkerReport& worker(size_t i) { return now.status->workers[i]; }
  /// "state ahead subject", one a line.
  std::string told() const {
    std::string out;
    for (const Drift& d : drift_of_process(now, kept))
      out += std::string(to_string(d.state)) + " " + std::string(to_string(d.ahead)) + " " + d.subject + "\n";
    return out;
  }
};

}  // namespace

TEST_CASE("workers that serve what lies on disk have no drift, and neither has what does not run") {
  Well well;
  CHECK(well.told().empty());
  well.now.pid = 0;
  well.now.status.reset();
  CHECK(well.told().empty());
}

TEST_CASE("a document that all workers serve and nobody kept is a hot change, one that one has makes it lag") {
  Well well;
  well.worker(1).digest = sha256("other");
  CHECK(well.told() == "worker-behind disk worker 12\n");
  well.now.status->digest = sha256("other");  // worker 11 has not taken it yet
  CHECK(well.told() == "hot-change running document\nworker-behind disk worker 11\n");
  well.worker(0).digest = sha256("other");
  CHECK(well.told() == "hot-change running document\n");
  well.now.version->spec.set("source", Value::object());
  CHECK(well.told().empty());
}

TEST_CASE("an edited document that no worker has read is the file's drift alone") {
  Well well;
  well.now.version->tree["gateway.json"].content = "{\"format\": 1}\n";
  CHECK(well.told().empty());
  well.worker(0).digest = sha256("other");
  CHECK(well.told() == "worker-behind disk worker 11\n");
}

TEST_CASE("a tree that no worker runs was never reloaded; where one runs it the other lags") {
  Well well;
  well.worker(0).tree = std::string(64, 'o');
  CHECK(well.told() == "worker-behind disk worker 11\n");
  well.worker(1).tree = std::string(64, 'o');
  CHECK(well.told() == "reload-never-took disk workers\n");
  well.worker(1).tree = std::string(64, 'p');
  CHECK(well.told() == "worker-behind disk worker 11\nworker-behind disk worker 12\n");
}

TEST_CASE("a worker that keeps what it had, and one that says nothing, are told") {
  Well well;
  well.worker(0).error = "no memory";
  CHECK(well.told() == "worker-behind disk worker 11\n");
  well.now.status->workers.pop_back();
  CHECK(well.told() == "worker-behind disk worker 11\nworker-behind disk workers\n");
}

TEST_CASE("who may not ask, or gets no answer, is told so") {
  Well well;
  well.now.status.reset();
  well.now.problem = "Connection refused";
  CHECK(well.told() == "unknown - workers\n");
  well.now.denied = true;
  const auto found = drift_of_process(well.now, well.kept);
  REQUIRE(found.size() == 1);
  CHECK(found[0].text == "no rights to ask what they serve");
}

TEST_CASE("what is wrong with the process is told by itself") {
  Well well;
  well.now.masters = {1, 2};
  well.now.live.keeper = Live::Keeper::none;
  CHECK(well.told() == "process running process\nprocess running process\n");
  well.now.pid = 0;
  well.now.masters = {};
  well.now.unit = systemd::UnitState{};
  well.now.unit->active = "failed";
  CHECK(well.told() == "process running process\n");
  well.now.unit->active = "inactive";
  CHECK(well.told().empty());
}
