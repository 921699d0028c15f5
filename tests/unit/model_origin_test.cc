#include <doctest/doctest.h>

#include "model/policy.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr const char* head = "kind = \"Instance\"\nname = \"tst_place_001_80\"\n";

/// What is found of one instance beside a Fleet, and by `policy` when it has no fault of its own; "FILE:LINE: field".
std::string places(const std::string& text, const std::string& fleet_text = "", const Policy* policy = nullptr) {
  Diagnostics found;
  std::optional<Fleet> fleet;
  if (!fleet_text.empty()) {
    auto manifest = read_manifest({"fleet.toml", "kind = \"Fleet\"\n" + fleet_text}, found);
    REQUIRE(manifest);
    fleet = make_fleet(*manifest, found);
    REQUIRE_MESSAGE(fleet, all_texts(found));
  }
  auto manifest = read_manifest({"a.toml", head + text}, found);
  REQUIRE(manifest);
  const auto instance = make_instance(*manifest, fleet ? &*fleet : nullptr, found);
  if (instance && policy != nullptr)
    for (Diagnostic& d : check_policy(*instance, {}, *policy)) found.push_back(std::move(d));
  std::string out;
  for (const Diagnostic& d : found) {
    if (d.code == "no-route") continue;
    CHECK_MESSAGE(!d.source_line.empty(), to_text(d));
    out += d.file + ":" + std::to_string(d.place.line) + ": " + d.field + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("a fault of what the Fleet gives is shown in the Fleet, with the instance's name") {
  CHECK(places("", "[defaults]\n[defaults.nginx]\nworker_shutdown_timeout = \"25h\"\n") ==
        "fleet.toml:4: defaults.nginx.worker_shutdown_timeout\n");
  // the instance's own word is shown in its own file
  CHECK(places("nginx.worker_shutdown_timeout = \"26h\"\n",
               "[defaults]\n[defaults.nginx]\nworker_shutdown_timeout = \"25h\"\n") ==
        "a.toml:3: nginx.worker_shutdown_timeout\n");
  Policy policy;
  policy.binaries = {"/usr/sbin/nginx"};
  policy.users = {"www-data"};
  CHECK(places("[nginx]\nuser = \"www-data\"\n", "[defaults.nginx]\nkeepalive = 5\nbinary = \"/opt/x\"\n", &policy) ==
        "fleet.toml:4: defaults.nginx.binary\n");
}

TEST_CASE("a fault of a default is shown at the table that lacks the field") {
  Policy policy;
  std::string fault, hint;
  policy.allow_listen = parse_endpoints("127.0.0.1", fault, hint);
  REQUIRE(fault.empty());
  CHECK(places("[[listener]]\naddress = \"127.0.0.1\"\nport = 80\n[[listener]]\nport = 81\n", "", &policy) ==
        "a.toml:6: listener[1].address\n");
  // no table at all: where the instance is named
  CHECK(places("", "", &policy) == "a.toml:2: listener[0].address\n");
  CHECK(places("", "[defaults.nginx]\nkeepalive = 5\n", &policy) == "a.toml:2: listener[0].address\n");
  const std::string upstream = "[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.1:80\" }]\n";
  const std::string route = "[[route]]\nupstream = \"a\"\n";
  // the timeout is the default of 2s
  CHECK(places(upstream + "[upstream.health]\ntype = \"tcp\"\ninterval = \"1s\"\n" + route) ==
        "a.toml:6: upstream[0].health.timeout\n");
  // balance is round_robin by default, and takes no hash: told at the hash itself
  CHECK(places(upstream + "hash = \"uri\"\n" + route) == "a.toml:6: upstream[0].hash\n");
}

TEST_CASE("every fault of generated manifests, with and without a Fleet, stands in a text") {
  Random random(51);
  CAPTURE(random.seed());
  Policy strict;
  strict.allow_listen.clear();
  strict.binaries.clear();
  strict.users.clear();
  size_t told = 0;
  for (int n = 0; n < 200; ++n) {
    Diagnostics found;
    auto fleet_file = read_manifest(
        {"fleet.toml", "kind = \"Fleet\"\n[defaults.nginx]\nbinary = \"/opt/x\"\nworker_shutdown_timeout = \"30s\"\n"},
        found);
    const auto fleet = make_fleet(*fleet_file, found);
    REQUIRE(fleet);
    auto manifest = read_manifest(manifest_of(random_manifest(random)).source, found);
    REQUIRE(manifest);
    const auto instance = make_instance(*manifest, random.chance(50) ? &*fleet : nullptr, found);
    REQUIRE_MESSAGE(instance, all_texts(found));
    for (Diagnostic& d : check_policy(*instance, {}, strict)) found.push_back(std::move(d));
    told += found.size();
    for (const Diagnostic& d : found) REQUIRE_MESSAGE(d.place.line > 0, to_text(d));
  }
  CHECK(told > 50);
}
