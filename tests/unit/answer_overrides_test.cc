#include <doctest/doctest.h>

#include "answer/overrides.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

TEST_CASE("a span is told in two units at most, and never shorter than it is") {
  CHECK(span_text(0) == "0s");
  CHECK(span_text(0.2) == "1s");
  CHECK(span_text(59) == "59s");
  CHECK(span_text(60) == "1m");
  CHECK(span_text(95) == "1m35s");
  CHECK(span_text(1799.5) == "30m");
  CHECK(span_text(3600) == "1h");
  CHECK(span_text(7199) == "2h");
  CHECK(span_text(5400) == "1h30m");
  CHECK(span_text(90000) == "25h");
  CHECK(span_text(-5) == "0s");
}

TEST_CASE("an override is told by what it does, who made it, how long it stays and why") {
  CHECK(override_text(object({})) == "-");
  CHECK(override_text(object({{"state", "drain"}, {"weight", "50%"}})) == "drain, weight 50%");
  CHECK(override_text(object({{"added", true}, {"weight", 0}})) == "added, weight 0");
  CHECK(override_text(object({{"removed", true}})) == "removed");
  CHECK(left_text(object({{"state", "drain"}})).empty());
  CHECK(override_line(object({{"state", "maint"}, {"by", "ann@h"}, {"expires_in", 61}, {"reason", "disk"}})) ==
        "maint by ann@h, 1m1s left: disk");
  CHECK(override_line(object({{"state", "maint"}, {"by", "ann@h"}})) == "maint by ann@h");
}

TEST_CASE("an item of an override has the names of the manifest, and the gateway cannot say whose it is") {
  const Value told = object({{"upstream", "a"},
                             {"server", "10.0.0.1:80"},
                             {"instance", "another"},
                             {"address", "10.9.9.9:1"},
                             {"weight", 5}});
  const Value item = override_item("i", told);
  CHECK(item == object({{"instance", "i"}, {"upstream", "a"}, {"address", "10.0.0.1:80"}, {"weight", 5}}));
  CHECK(override_item("", told).find("address")->as_string() == "10.0.0.1:80");
}
