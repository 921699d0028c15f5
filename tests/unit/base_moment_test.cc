#include <doctest/doctest.h>

#include "base/moment.h"

using namespace orctl;

TEST_CASE("a day is all of its seconds, a time is one") {
  const auto day = parse_moment("2026-11-30");
  REQUIRE(day);
  CHECK(day->first == 1795996800);
  CHECK(day->last == 1795996800 + 86399);
  CHECK(moment_text(day->first) == "2026-11-30T00:00:00Z");
  for (const char* noon : {"2026-11-30T12:00:00Z", "2026-11-30t12:00:00z", "2026-11-30 12:00:00Z",
                           "2026-11-30T14:00:00+02:00", "2026-11-30T06:30:00.125-05:30"}) {
    CAPTURE(noon);
    const auto at = parse_moment(noon);
    REQUIRE(at);
    CHECK(at->first == day->first + 43200);
    CHECK(at->last == at->first);
  }
  CHECK(parse_moment("2024-02-29"));
  CHECK(moment_text(0) == "1970-01-01T00:00:00Z");
  CHECK(parse_moment(moment_text(1795996801))->first == 1795996801);
}

TEST_CASE("what is no day and no time is nothing") {
  for (const char* text : {"",
                           "7",
                           "-1",
                           "live",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-30",
                           "2026-11-31",
                           "26-11-30",
                           "2026-11-30T",
                           "2026-11-30T12",
                           "2026-11-30T12:00Z",
                           "2026-11-30T12:00:00",
                           "2026-11-30T24:00:00Z",
                           "2026-11-30T12:60:00Z",
                           "2026-11-30T12:00:00.Z",
                           "2026-11-30T12:00:00+2",
                           "2026-11-30T12:00:00+02:60",
                           "2026-11-30T12:00:00Zx",
                           "2026-11-30x",
                           " 2026-11-30",
                           "2026/11/30",
                           "2026-1-30"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_moment(text));
  }
}

TEST_CASE("a span is meant before now") {
  CHECK(parse_moment_or_ago("2h", 10000)->first == 2800);
  CHECK(parse_moment_or_ago("1d", 100000)->last == 13600);
  CHECK(parse_moment_or_ago("1970-01-02", 0)->first == 86400);
  for (const char* text : {"", "d", "-1d", "1w", "yesterday", "99999999d"}) CHECK_FALSE(parse_moment_or_ago(text, 0));
}
