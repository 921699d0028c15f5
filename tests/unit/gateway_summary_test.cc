#include <doctest/doctest.h>

#include "gateway/summary.h"
#include "model/read.h"

using namespace orctl;

namespace {

GatewaySummary read(const std::string& text) {
  Diagnostics found;
  const auto value = read_json({"answer", text}, found);
  REQUIRE(value.has_value());
  return gateway_summary_of(*value);
}

}  // namespace

TEST_CASE("a summary is read as the gateway writes it") {
  const GatewaySummary told = read(R"({"seconds": 60, "requests": 7, "errors": 2, "fallen": 1,
    "upstreams": [{"name": "a", "servers": 3, "up": 1, "down": 1, "off": 1,
                   "faults": [{"server": "10.0.0.1:80", "state": "down", "reason": "refused"}]},
                  {"name": "b", "servers": 2, "uncounted": true}],
    "draining": [{"pid": 61, "seconds": 4}]})");
  CHECK(told.requests == 7);
  CHECK(told.errors == 2);
  CHECK(told.fallen == 1);
  REQUIRE(told.upstreams.size() == 2);
  CHECK(told.upstreams[0].off == 1);
  CHECK(told.upstreams[0].faults[0].reason == "refused");
  CHECK(told.upstreams[1].uncounted);
  CHECK(told.draining == std::map<int, int64_t>{{61, 4}});
  CHECK(!read(R"({"upstreams": [], "draining": []})").requests);
}

TEST_CASE("what is no summary is refused, and what no gateway of ours says does no harm") {
  for (const char* text :
       {R"({})", R"({"upstreams": 3, "draining": []})", R"({"upstreams": [{}], "draining": []})",
        R"({"upstreams": [], "draining": [], "errors": "2"})", R"({"upstreams": [], "draining": [{"pid": 1}]})"})
    CHECK_THROWS_AS(read(text), Error);
  const GatewaySummary told = read(R"({"requests": 9223372036854775807, "errors": 1e300, "fallen": -5,
    "upstreams": [{"name": "a\nFindings: none", "servers": -1, "down": -9}], "draining": []})");
  CHECK(told.requests == 1'000'000'000'000);
  CHECK(told.errors == 1'000'000'000'000);
  CHECK(told.fallen == 0);
  CHECK(told.upstreams[0].down == 0);
  CHECK(told.upstreams[0].name.find('\n') == std::string::npos);
}
