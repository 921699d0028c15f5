#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "change/apply.h"
#include "gateway/metrics.h"

using namespace orctl;

namespace {

const std::string text = R"(# HELP openresty_connections Client connections by state.
# TYPE openresty_connections gauge
openresty_connections{state="active"} 3
openresty_upstream_response_duration_seconds_bucket{upstream="b",le="0.005"} 60
openresty_upstream_response_duration_seconds_bucket{upstream="b",le="0.01"} 90
openresty_upstream_response_duration_seconds_bucket{upstream="b",le="+Inf"} 100
openresty_upstream_response_duration_seconds_sum{upstream="b"} 1.5
openresty_upstream_response_duration_seconds_count{upstream="b"} 100
openresty_upstream_retries_total{upstream="b"} 4
openresty_upstream_retries_total{upstream="a"} 0
openresty_upstream_requests_total{upstream="b",peer="10.0.0.1:80",code="200"} 90
openresty_upstream_requests_total{upstream="b",peer="10.0.0.1:80",code="502"} 6
openresty_upstream_requests_total{upstream="b",peer="10.0.0.2:80",code="503"} 3
openresty_upstream_requests_total{upstream="b",peer="10.0.0.2:80",code="other"} 1
openresty_upstream_peer_state{upstream="b",peer="10.0.0.1:80",state="up"} 1
openresty_upstream_peer_state{upstream="b",peer="10.0.0.2:80",state="drain"} 1
openresty_upstream_peer_requests_in_flight{upstream="b",peer="10.0.0.1:80"} 2
openresty_upstream_peer_requests_in_flight{upstream="b",peer="10.0.0.2:80"} 5
)";

Traffic with(std::map<double, double> seconds) {
  Traffic t;
  t.seconds = std::move(seconds);
  return t;
}

Exit exit_of(const std::string& line) {
  try {
    parse_metrics(line);
  } catch (const Error& e) {
    return e.exit();
  }
  return Exit::ok;
}

}  // namespace

TEST_CASE("samples are read with their labels, escapes and special values") {
  const auto all =
      parse_metrics("# x\n\na 1\nb_total{x=\"a\\\"b\\\\c\\nd\",y2=\"}, \"} -2.5e3\nc{le=\"+Inf\"} +Inf\nd{} 0");
  REQUIRE(all.size() == 4);
  CHECK(all[0].name == "a");
  CHECK(all[0].labels.empty());
  CHECK(all[1].labels.at("x") == "a\"b\\c\nd");
  CHECK(all[1].labels.at("y2") == "}, ");
  CHECK(all[1].value == -2500);
  CHECK(std::isinf(all[2].value));
  CHECK(all[3].labels.empty());
}

TEST_CASE("a line that is no sample is refused") {
  for (const char* line : {"a", "a ", "a x", "a 1 x", "{} 1", "a{ 1", "a{x} 1", "a{x=1} 1", "a{x=\"1} 1", "a{x=\"1\"",
                           "<html>", "a{x=\"1\"y=\"2\"} 1", "a{x=\"\\", "a 1z", "a{x=\"1\"}1"})
    CHECK_MESSAGE(exit_of(line) == Exit::target, line);
}

TEST_CASE("upstreams and their servers are told apart, in the order in which upstreams come") {
  const auto rows = traffic(parse_metrics(text));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].upstream == "b");
  CHECK(rows[0].server.empty());
  CHECK(rows[0].requests == 100);
  CHECK(rows[0].errors == 9);
  CHECK(rows[0].retries == 4);
  CHECK(rows[0].in_flight == 7);
  CHECK(rows[1].server == "10.0.0.1:80");
  CHECK(rows[1].requests == 96);
  CHECK(rows[1].errors == 6);
  CHECK(rows[1].state == "up");
  CHECK(rows[2].requests == 4);
  CHECK(rows[2].errors == 3);
  CHECK(rows[2].state == "drain");
  CHECK(rows[2].in_flight == 5);
  CHECK(rows[3].upstream == "a");
}

TEST_CASE("what came between two looks; a server that began anew counts from nothing") {
  const auto before = traffic(parse_metrics(text));
  auto now = before;
  now[0].requests += 10;
  now[0].errors += 1;
  now[0].seconds[0.01] += 10;
  now[0].seconds[INFINITY] += 10;
  now[2].requests = 2;
  now[2].errors = 1;
  now.push_back(Traffic{"new", "", "", 7, 0, 0, 0, {}});
  const auto rows = between(before, now);
  CHECK(rows[0].requests == 10);
  CHECK(rows[0].errors == 1);
  CHECK(rows[0].retries == 0);
  CHECK(rows[0].in_flight == 7);
  CHECK(rows[0].seconds.at(0.005) == 0);
  CHECK(rows[0].seconds.at(INFINITY) == 10);
  CHECK(rows[1].requests == 0);
  CHECK(rows[2].requests == 2);
  CHECK(rows[2].errors == 1);
  CHECK(rows[4].requests == 7);
}

TEST_CASE("quantiles are those of Prometheus") {
  const auto t = with({{0.1, 10}, {0.2, 30}, {INFINITY, 40}});
  CHECK(*quantile(t, 0.25) == doctest::Approx(0.1));
  CHECK(*quantile(t, 0.125) == doctest::Approx(0.05));
  CHECK(*quantile(t, 0.5) == doctest::Approx(0.15));
  CHECK(*quantile(t, 0.99) == doctest::Approx(0.2));
  CHECK(*quantile(with({{0.1, 0}, {0.2, 5}, {INFINITY, 5}}), 0.5) == doctest::Approx(0.15));
  CHECK(!quantile(with({}), 0.5));
  CHECK(!quantile(with({{0.1, 0}, {INFINITY, 0}}), 0.5));
}
