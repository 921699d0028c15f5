#include <doctest/doctest.h>

#include "model/route_phases.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// The phases that an instance whose only route has `fields` needs, and the balancer's is not one.
std::set<Phase> phases_of(const std::string& fields) {
  Diagnostics found;
  const std::string text =
      R"({"kind":"Instance","name":"prd_a_001_80","upstream":[{"name":"a","server":[{"address":"10.0.0.1:80"}]},
          {"name":"b","server":[{"address":"10.0.0.2:80"}]}],"route":[{)" +
      fields + "}]}";
  const auto instance = read_instance(text, found, "a.json");
  REQUIRE_MESSAGE(instance.has_value(), fields << all_texts(found));
  return route_phases(instance->spec).phases;
}

const std::set<Phase> both = {Phase::rewrite, Phase::header_filter};

}  // namespace

TEST_CASE("every policy that the schema marks with a phase needs it, and no other field does") {
  for (const char* fields :
       {R"("redirect":{"target":"/"})", R"("upstream":"a","strip_prefix":true)", R"("upstream":"a","rewrite":"/x")",
        R"("upstream":"a","request_headers":{"remove":["A"]})",
        R"("upstream":"a","response_headers":{"set":{"A":"b"}})", R"("upstream":"a","client_max_body_size":"0")",
        R"("upstream":"a","rate_limit":{"requests":1})", R"("upstream":"a","obey_x_accel":["buffering"])"})
    CHECK_MESSAGE(phases_of(fields) == both, fields);
  CHECK(phases_of(R"("upstream":"a","methods":["GET"],"headers":{"A":"*"},"read_timeout":"1s","upgrades":["tcp"],
      "canary":{"upstream":"b","percent":5})")
            .empty());
}

TEST_CASE("a policy that says nothing needs no phase") {
  for (const char* fields : {R"("strip_prefix":false)", R"("request_headers":{})", R"("request_headers":{"set":{}})",
                             R"("response_headers":{"remove":[],"add":{}})"})
    CHECK_MESSAGE(phases_of(std::string(R"("upstream":"a",)") + fields).empty(), fields);
}

TEST_CASE("workers can serve what needs no more phases and no larger bodies than they run with") {
  const RoutePhases none, edits = {both, 1, 2}, more = {{Phase::rewrite, Phase::access, Phase::header_filter}, 1, 2};
  CHECK(can_serve(none, none));
  CHECK(can_serve(edits, none));
  CHECK_FALSE(can_serve(none, edits));
  CHECK(can_serve(more, edits));
  CHECK_FALSE(can_serve(edits, more));
  CHECK_FALSE(can_serve(edits, {both, 1, 3}));
  CHECK_FALSE(can_serve(edits, {both, 1, 0}));
  CHECK(can_serve({both, 1, 0}, edits));
}

TEST_CASE("the gateway is told every policy in the order in which they act") {
  const Value list = policy_list();
  CHECK(to_json(list.items()[0]) == R"({"name":"rate_limit","phases":["rewrite"]})");
  std::set<std::string> names;
  for (const Value& one : list.items()) {
    names.insert(one.at("name").as_string());
    CHECK_FALSE(one.at("phases").items().empty());
  }
  CHECK(names.size() == list.items().size());
  CHECK(names.contains("canary"));
}
