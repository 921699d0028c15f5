#include <doctest/doctest.h>

#include <map>
#include <set>

#include "model/route.h"
#include "plan/plan.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

FieldKey server(const std::string& upstream, const std::string& address) {
  return {{{"upstream", upstream}, {"server", address}}};
}

}  // namespace

TEST_CASE("each kind of key has one text of its own") {
  const std::vector<std::pair<Key, std::string>> all = {
      {Whole::instance, "instance"},
      {Whole::gateway, "gateway"},
      {Whole::phases, "phases"},
      {Whole::largest_body, "largest body"},
      {Whole::unit, "unit"},
      {Whole::process, "process"},
      {Whole::boot, "boot"},
      {FileKey{"certs/a b.pem"}, "file certs/a b.pem"},
      {FolderKey{"."}, "folder ."},
      {FieldKey{{{"nginx"}, {"keepalive"}}}, "nginx.keepalive"},
      {FieldKey{{{"upstream"}}}, "upstream"},
      {server("a", "[::1]:80"), "upstream[a].server[[::1]:80]"},
      {FieldKey{{{"upstream", "a"}, {"server"}}}, "upstream[a].server"},
      {FieldKey{{{"upstream", "a"}, {"health"}, {"check", "b"}, {"headers"}, {"X-A"}}},
       "upstream[a].health.check[b].headers.X-A"},
      {FieldKey{{{"labels"}, {"a.b"}}}, "labels.a.b"},
      {FieldKey{{{"route", "*/x:{\"X\":\"b].rewrite\"}"}}}, "route[*/x:{\"X\":\"b].rewrite\"}]"},
      {FieldKey{{{"route", "*/x:{\"X\":\"b].rewrite\"}"}, {"rewrite"}}}, "route[*/x:{\"X\":\"b].rewrite\"}].rewrite"}};
  std::set<std::string> seen;
  for (const auto& [key, text] : all) {
    CHECK(to_string(key) == text);
    CHECK_MESSAGE(seen.insert(text).second, text);
  }
}

TEST_CASE("no two changes of a plan have the same text for their key") {
  Random random(31);
  CAPTURE(random.seed());
  size_t seen = 0;
  for (int n = 0; n < 200; ++n) {
    Value manifest = random_manifest(random);
    const Value before = instance_of(manifest).spec;
    for (int edits = random.between(1, 3); edits > 0; --edits) edit_manifest(random, manifest);
    std::map<std::string, Key> keys;
    for (const Change& c : diff_specs(before, instance_of(manifest).spec)) {
      const auto [one, is_new] = keys.emplace(to_string(c.key), c.key);
      REQUIRE_MESSAGE((is_new || one->second == c.key), to_string(c.key));
      ++seen;
    }
  }
  CHECK(seen > 100);
}

TEST_CASE("no field of an instance has the name of something that it has one of") {
  const Schema& schema = Schema::get("instance");
  for (const Whole whole :
       {Whole::instance, Whole::gateway, Whole::phases, Whole::largest_body, Whole::unit, Whole::process, Whole::boot})
    CHECK(schema.root().property(to_string(Key(whole))) == nullptr);
}

TEST_CASE("an upstream's rules take none whose name begins or ends alike") {
  // "pay" stands in nginx.conf for its listener; "payment" does not
  Value before = full_manifest();
  before.find("listener")->push(object({{"port", 53}, {"protocol", "tcp"}, {"upstream", "pay"}}));
  before.find("upstream")->push(object({{"name", "pay"}, {"server", array({object({{"address", "127.0.0.1:1"}})})}}));
  Value after = before;
  auto& upstreams = after.find("upstream")->items();
  upstreams.front().find("server")->items()[0].set("weight", 77);
  upstreams.back().find("server")->items()[0].set("weight", 78);
  std::map<std::string, Impact> impacts;
  for (const Change& c : diff_specs(instance_of(before).spec, instance_of(after).spec))
    impacts[to_string(c.key)] = c.impact;
  CHECK(impacts.at("upstream[payment].server[127.0.0.1:9101].weight") == Impact::hot);
  CHECK(impacts.at("upstream[pay].server[127.0.0.1:1].weight") == Impact::reload);
}
