#include "answer/upstreams.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// What stands in the column that is headed so.
std::string cell(const Noun& noun, const std::string& head, const Value& item) {
  for (const Column& column : noun.columns)
    if (column.head == head) return column.text(item, column.field);
  FAIL("there is no column " << head);
  return {};
}

Value upstream(std::initializer_list<Value> servers) {
  return object({{"name", "a"}, {"balance", "round_robin"}, {"servers", array(servers)}});
}

}  // namespace

TEST_CASE("an upstream's servers are called as in the manifest, whatever else a gateway says") {
  Value told = upstream({object({{"address", "10.0.0.1:80"}})});
  told.set("instance", "another");
  told.set("server", "of the gateway's choice");
  const Value item = upstream_items("i", {told}).at(0);
  CHECK(item.at("instance") == Value("i"));
  CHECK(item.at("server") == array({object({{"address", "10.0.0.1:80"}})}));
  CHECK(item.find("servers") == nullptr);
}

TEST_CASE("a server is its instance's and its upstream's, whatever it says of itself") {
  const Value server = object({{"address", "10.0.0.1:80"}, {"instance", "another"}, {"upstream", "b"}});
  const Value item = server_items(upstream_items("i", {upstream({server})})).at(0);
  CHECK(item == object({{"instance", "i"}, {"upstream", "a"}, {"address", "10.0.0.1:80"}}));
  CHECK(cell(servers_noun(), "NAME", item) == "i/a/10.0.0.1:80");
}

TEST_CASE("a server that left, or that no gateway tells of, has blanks where nothing is known") {
  const Value left = object({{"address", "10.0.0.1:80"}, {"state", "removed"}, {"in_flight", 2}});
  const Value half = object({{"address", "10.0.0.2:80"}, {"state", "up"}, {"weight", 5}, {"effective_weight", 2.5}});
  const auto all = server_items(upstream_items("i", {upstream({left, half})}));
  CHECK(cell(servers_noun(), "HEALTH", all.at(0)) == "-");
  CHECK(cell(servers_noun(), "WEIGHT", all.at(0)) == "-");
  CHECK(cell(servers_noun(), "IN-FLIGHT", all.at(0)) == "2");
  CHECK(cell(servers_noun(), "WEIGHT", all.at(1)) == "2.5 (5)");
  CHECK(cell(servers_noun(), "OVERRIDE", all.at(1)) == "-");
}

TEST_CASE("how many servers are up is said where a gateway says it of one") {
  const auto server = [](const char* state) { return object({{"address", "10.0.0.1:80"}, {"state", state}}); };
  const auto up_of = [&](std::initializer_list<Value> servers) {
    return cell(upstreams_noun(), "UP", upstream_items("i", {upstream(servers)}).at(0));
  };
  CHECK(up_of({server("unknown"), server("unknown")}) == "-");
  CHECK(up_of({server("up"), server("drain"), server("up")}) == "2");
  CHECK(up_of({server("down")}) == "0");
  CHECK(up_of({}) == "0");
}

TEST_CASE("counters of an upstream are the sums over its servers that tell them") {
  const Value one = object({{"address", "10.0.0.1:80"}, {"requests", 3}});
  const Value two = object({{"address", "10.0.0.2:80"}, {"requests", 4}, {"failures", "many"}});
  const Value item = upstream_items("i", {upstream({one, two})}).at(0);
  CHECK(cell(upstreams_noun(), "REQUESTS", item) == "7");
  CHECK(cell(upstreams_noun(), "FAILURES", item) == "-");
}
