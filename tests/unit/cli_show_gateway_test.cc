#include <doctest/doctest.h>

#include <sstream>

#include "cli/show_gateway.h"

using namespace orctl;

namespace {

Value object(Value::Object members) { return Value(std::move(members)); }

}  // namespace

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

TEST_CASE("a server that left and one of an instance that does not run have blanks where nothing is known") {
  std::ostringstream out, err;
  Io io(out, err, "wide", Colour::never);
  const Value left = object({{"address", "10.0.0.1:80"}, {"state", "removed"}, {"in_flight", 2}});
  const Value half = object({{"address", "10.0.0.2:80"}, {"state", "up"}, {"weight", 5}, {"effective_weight", 2.5}});
  show_servers(io, {{"i", {object({{"name", "a"}, {"servers", Value(Value::Array{left, half})}})}}});
  CHECK(out.str().find("i/a/10.0.0.1:80   removed   -        -         2           -") != std::string::npos);
  CHECK(out.str().find("i/a/10.0.0.2:80   up        -        2.5 (5)   -           -") != std::string::npos);
}

TEST_CASE("on a terminal progress is one line that is taken away again; elsewhere each is a line") {
  std::ostringstream out, err;
  Io plain(out, err, "text", Colour::never);
  plain.progress("one");
  plain.progress("two");
  CHECK(err.str() == "one\ntwo\n");
  err.str("");
  Io terminal(out, err, "text", Colour::never);
  terminal.on_terminal();
  terminal.progress("one");
  terminal.progress("t\x1bwo");
  terminal.print("done\n");
  CHECK(err.str() == "\r\x1b[Kone\r\x1b[Kt\\x1bwo\r\x1b[K");
}
