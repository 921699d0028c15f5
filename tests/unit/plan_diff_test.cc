#include <doctest/doctest.h>

#include "plan/plan.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Value spec(const Value& manifest) { return instance_of(manifest).spec; }

/// The differences as "op key impact", one a line.
std::string told(const std::vector<Change>& changes) {
  std::string out;
  for (const Change& c : changes)
    out += std::string(c.op == Op::add      ? "+ "
                       : c.op == Op::remove ? "- "
                                            : "~ ") +
           c.key + " " + std::string(to_string(c.impact)) + (c.reason.empty() ? "" : " (" + c.reason + ")") + "\n";
  return out;
}

/// What `edit` changes of the full manifest.
template <class Edit>
std::string told(Edit edit) {
  Value after = full_manifest();
  edit(after);
  return told(diff_specs(spec(full_manifest()), spec(after)));
}
Value& first(Value& v, const char* list) { return v.find(list)->items()[0]; }

}  // namespace

TEST_CASE("equal specs have no differences") {
  CHECK(told([](Value&) {}).empty());
}

TEST_CASE("each field is told by its key, with its own impact") {
  CHECK(told([](Value& m) { first(first(m, "upstream"), "server").set("weight", 5); }) ==
        "~ upstream[payment].server[127.0.0.1:9101].weight hot\n");
  CHECK(told([](Value& m) { first(m, "upstream").set("retries", 5); }) == "~ upstream[payment].retries hot\n");
  CHECK(told([](Value& m) { first(m, "upstream").find("health")->set("rise", 9); }) ==
        "~ upstream[payment].health.rise hot\n");
  CHECK(told([](Value& m) { m.find("labels")->set("team", "b"); }) == "~ labels.team none\n");
  CHECK(told([](Value& m) { m.find("nginx")->set("keepalive", 99); }) == "~ nginx.keepalive reload\n");
  CHECK(told([](Value& m) { m.find("nginx")->set("user", "www-data"); }) == "~ nginx.user restart\n");
  CHECK(told([](Value& m) { m.find("listener")->push(object({{"port", 9}})); }) == "+ listener[0.0.0.0:9] reload\n");
}

TEST_CASE("servers and routes come and go by their keys") {
  CHECK(told([](Value& m) {
          first(m, "upstream").find("server")->push(object({{"address", "10.0.0.9:1"}}));
        }) == "+ upstream[payment].server[10.0.0.9:1] hot\n");
  CHECK(told([](Value& m) { first(m, "upstream").find("server")->items().pop_back(); }) ==
        "- upstream[payment].server[[::1]:9102] hot\n");
  CHECK(told([](Value& m) { m.find("route")->push(object({{"upstream", "payment"}})); }) == "+ route[*/] hot\n");
  CHECK(told([](Value& m) { first(m, "route").set("path", "/b/"); }) ==
        "- route[www.test1.com/api/] hot\n+ route[www.test1.com/b/] hot\n");
}

TEST_CASE("routes of one path are told apart by methods and headers") {
  CHECK(told([](Value& m) {
          m.find("route")->push(object({{"host", "www.test1.com"},
                                        {"path", "/api/"},
                                        {"methods", array({"PUT", "POST"})},
                                        {"headers", object({{"X-A", "1"}})},
                                        {"upstream", "payment"}}));
        }) == "+ route[www.test1.com/api/:PUT,POST:{\"X-A\":\"1\"}] hot\n");
  CHECK(told([](Value& m) { m.find("route")->items()[1].set("rewrite", "/v3"); }) ==
        "~ route[www.test1.com,*.test2.com/v1:exact:GET,POST:{\"X-Canary\":\"1\"}].rewrite hot\n");
}

TEST_CASE("what nginx.conf follows from the routes is a reload with its reason") {
  const auto only_first = [](Value& m) { m.find("route")->items().resize(1); };
  Value plain = full_manifest();
  only_first(plain);
  CHECK(told(diff_specs(spec(plain), spec(full_manifest())))
            .ends_with("~ phases reload (the first route that edits requests or answers)\n"));
  CHECK(told(diff_specs(spec(full_manifest()), spec(plain)))
            .ends_with("~ phases reload (no route edits requests or answers any more)\n"));
  const auto limit = [](const char* size) {
    return told([=](Value& m) { m.find("route")->items()[1].set("client_max_body_size", size); });
  };
  const std::string field =
      "~ route[www.test1.com,*.test2.com/v1:exact:GET,POST:{\"X-Canary\":\"1\"}].client_max_body_size hot\n";
  const std::string cap = "~ largest body reload (nginx itself takes bodies up to the largest limit of all routes)\n";
  CHECK(limit("5m") == field + cap);
  CHECK(limit("0") == field + cap);
  CHECK(limit("1m") == field + cap);  // the instance's own 2m is the largest now
  CHECK(limit("4096k") == field);     // as much as before
}

TEST_CASE("another order is a difference of its own, and only of what stays") {
  CHECK(told([](Value& m) {
          std::reverse(first(m, "upstream").find("server")->items().begin(),
                       first(m, "upstream").find("server")->items().end());
        }) == "~ upstream[payment].server hot (another order)\n");
  CHECK(told([](Value& m) {
          auto& servers = first(m, "upstream").find("server")->items();
          servers.insert(servers.begin(), object({{"address", "10.0.0.9:1"}}));
        }) == "+ upstream[payment].server[10.0.0.9:1] hot\n");
}

TEST_CASE("the differences of generated manifests are none just when the specs are equal") {
  Random random(11);
  CAPTURE(random.seed());
  for (int n = 0; n < 300; ++n) {
    Value manifest = random_manifest(random);
    const Value before = spec(manifest);
    for (int edits = random.between(0, 2); edits > 0; --edits) edit_manifest(random, manifest);
    const Value after = spec(manifest);
    const auto there = diff_specs(before, after), back = diff_specs(after, before);
    REQUIRE(there.empty() == (before == after));
    REQUIRE(there.size() == back.size());
    REQUIRE(there == diff_specs(before, after));
  }
}
