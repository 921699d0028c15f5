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
           to_string(c.key) + " " + std::string(to_string(c.impact)) + (c.reason.empty() ? "" : " (" + c.reason + ")") +
           "\n";
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
  CHECK(told([](Value& m) {
          m.find("listener")->push(object({{"port", 9}}));
        }) == "+ listener[0.0.0.0:9:http] reload\n");
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
            .ends_with("~ phases reload (the first route with a policy)\n"));
  CHECK(told(diff_specs(spec(full_manifest()), spec(plain)))
            .ends_with("~ phases reload (no route has a policy any more)\n"));
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

TEST_CASE("an upstream of a tcp or udp listener stands in nginx.conf: a reload, for routes hot") {
  const auto with = [](const char* protocol, bool route, auto edit) {
    Value before = full_manifest();
    before.find("listener")->push(object({{"port", 53}, {"protocol", protocol}, {"upstream", "payment"}}));
    if (!route) before.set("route", Value::array());
    Value after = before;
    edit(first(after, "upstream"));
    return told(diff_specs(spec(before), spec(after)));
  };
  const auto heavier = [](Value& u) { first(u, "server").set("weight", 5); };
  const std::string key = "upstream[payment].server[127.0.0.1:9101].weight";
  CHECK(with("tcp", false, heavier) == "~ " + key + " reload (the tcp listener 0.0.0.0:53 has it in nginx.conf)\n");
  CHECK(with("udp", true, heavier) ==
        "~ " + key +
            " hot\n~ listener[0.0.0.0:53:udp] reload (upstream 'payment' stands in nginx.conf for it; for routes its "
            "change is hot)\n");
  // what a stream{} block does not hold stays hot
  CHECK(with("tcp", false, [](Value& u) { u.find("health")->set("rise", 9); }) ==
        "~ upstream[payment].health.rise hot\n");
  CHECK(with("tcp", true, [](Value& u) { u.set("read_timeout", "9s"); }) == "~ upstream[payment].read_timeout hot\n");
}

TEST_CASE("tcp and udp have ports of their own, and http becomes https on the same socket") {
  const auto listeners = [](Value was, Value is) {
    Value before = full_manifest(), after = before;
    before.set("listener", array({std::move(was)}));
    after.set("listener", array({std::move(is)}));
    for (Value* m : {&before, &after})
      m->set("certificate", array({object({{"name", "a"}, {"certificate", "certs/a.pem"}, {"key", "certs/a.key"}})}));
    return told(diff_specs(spec(before), spec(after)));
  };
  const auto any = [](const char* protocol) { return object({{"port", 8080}, {"protocol", protocol}}); };
  CHECK(listeners(any("http"), any("https")) ==
        "- listener[0.0.0.0:8080:http] reload\n+ listener[0.0.0.0:8080:https] reload\n");
  Value udp = any("udp");
  udp.set("upstream", "payment");
  udp.set("address", "127.0.0.1");
  CHECK(listeners(any("http"), udp) == "- listener[0.0.0.0:8080:http] reload\n+ listener[127.0.0.1:8080:udp] reload\n");
}

TEST_CASE("certificates are hot but for the first one's files, which nginx starts with") {
  const auto certificate = [](const char* name) {
    const std::string path = std::string("certs/") + name;
    return object({{"name", name}, {"certificate", path + ".pem"}, {"key", path + ".key"}});
  };
  const auto told_of = [&](std::initializer_list<const char*> was, std::initializer_list<const char*> is) {
    Value before = full_manifest(), after = before;
    Value one = Value::array(), other = Value::array();
    for (const char* name : was) one.push(certificate(name));
    for (const char* name : is) other.push(certificate(name));
    before.set("certificate", one);
    after.set("certificate", other);
    return told(diff_specs(spec(before), spec(after)));
  };
  CHECK(told_of({"a"}, {"a", "b"}) == "+ certificate[b] hot\n");
  CHECK(told_of({"a", "b"}, {"a"}) == "- certificate[b] hot\n");
  CHECK(told_of({"a", "b"}, {"b"}) ==
        "- certificate[a] reload (nginx.conf names the files of the first certificate)\n");
}
