#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>

#include "model/embedded.h"
#include "model/schema.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Value json(const std::string& text) {
  Diagnostics found;
  auto value = read_json({"a.json", text}, found);
  REQUIRE_MESSAGE(value.has_value(), all_texts(found));
  return *value;
}

/// The faults of a document as "code path", in order.
std::string faults(const Schema& schema, const std::string& document) {
  Diagnostics found;
  const Fit fit = schema.check(
      json(document), "a.json", [&](uint32_t n) { return line_of(document, n); }, found);
  CHECK((fit == Fit::valid) == found.empty());
  std::string out;
  for (const Diagnostic& d : found) out += (out.empty() ? "" : "; ") + d.code + (d.field.empty() ? "" : " " + d.field);
  return out;
}

/// The faults of `value` under the one-keyword schema `keyword`.
std::string faults_of(const std::string& keyword, const std::string& value) {
  return faults(Schema("{" + keyword + "}"), value);
}

Diagnostics faults_in_instance(const std::string& document) {
  Diagnostics found;
  Schema::get("instance")
      .check(
          json(document), "a.json", [&](uint32_t n) { return line_of(document, n); }, found);
  return found;
}

}  // namespace

TEST_CASE("a value of another type is known of however many faults stand before it") {
  const Schema schema(R"({"type":"object","additionalProperties":false,"required":["n"],"properties":{
    "n":{"type":"integer","maximum":9},"l":{"type":"array","items":{"type":"integer","maximum":9}}}})");
  const auto fit = [&](const std::string& document) {
    Diagnostics found;
    const Fit answer = schema.check(
        json(document), "a.json", [](uint32_t) { return std::string(); }, found);
    CHECK(found.size() <= max_faults);
    return answer;
  };
  std::string many;
  for (size_t n = 0; n < max_faults; ++n) many += "10,";
  CHECK(fit(R"({"n":1})") == Fit::valid);
  CHECK(fit(R"({"l":[)" + many + R"(10],"n":1})") == Fit::typed);
  CHECK(fit(R"({"l":[)" + many + R"(""],"n":1})") == Fit::unfit);
  CHECK(fit(R"({"l":[)" + many + R"(10],"n":""})") == Fit::unfit);
  CHECK(fit(R"({"l":[)" + many + R"(10]})") == Fit::unfit);
}

TEST_CASE("each keyword takes what is right and refuses what is not, on both sides of its limit") {
  CHECK(faults_of(R"("type":"string")", R"("x")") == "");
  CHECK(faults_of(R"("type":"string")", "1") == "wrong-type");
  CHECK(faults_of(R"("type":"integer")", "1") == "");
  CHECK(faults_of(R"("type":"integer")", "1.0") == "");
  CHECK(faults_of(R"("type":"integer")", "1.5") == "wrong-type");
  CHECK(faults_of(R"("type":"integer")", "true") == "wrong-type");
  CHECK(faults_of(R"("type":"number")", "1") == "");
  CHECK(faults_of(R"("type":["integer","string"])", R"("x")") == "");
  CHECK(faults_of(R"("type":["integer","string"])", "null") == "wrong-type");
  CHECK(faults_of(R"("enum":["a",1])", R"("a")") == "");
  CHECK(faults_of(R"("enum":["a",1])", R"("b")") == "not-a-choice");
  CHECK(faults_of(R"("pattern":"^a+$")", R"("aa")") == "");
  CHECK(faults_of(R"("pattern":"^a+$")", R"("ab")") == "bad-value");
  CHECK(faults_of(R"("pattern":"^a+$")", R"("aa\n")") == "bad-value");
  CHECK(faults_of(R"("pattern":"^a+$")", R"("aa\u0000")") == "bad-value");
  CHECK(faults_of(R"("pattern":"^a+$")", R"("b\naa")") == "bad-value");
  CHECK(faults_of(R"("minimum":3)", "3") == "");
  CHECK(faults_of(R"("minimum":3)", "2") == "out-of-range");
  CHECK(faults_of(R"("maximum":3)", "3") == "");
  CHECK(faults_of(R"("maximum":3)", "3.01") == "out-of-range");
  CHECK(faults_of(R"("maximum":3)", "1e308") == "out-of-range");
  CHECK(faults_of(R"("minLength":2)", R"("\u00e4\u00e4")") == "");
  CHECK(faults_of(R"("minLength":2)", R"("a")") == "too-short");
  CHECK(faults_of(R"("maxLength":2)", R"("\ud83d\ude00\u00e4")") == "");
  CHECK(faults_of(R"("maxLength":2)", R"("aaa")") == "too-long");
  CHECK(faults_of(R"("minItems":1)", "[1]") == "");
  CHECK(faults_of(R"("minItems":1)", "[]") == "too-few");
  CHECK(faults_of(R"("maxItems":1)", "[1]") == "");
  CHECK(faults_of(R"("maxItems":1)", "[1,2]") == "too-many");
  CHECK(faults_of(R"("items":{"type":"integer"})", R"([1,"a",2,"b"])") == "wrong-type [1]; wrong-type [3]");
  CHECK(faults_of(R"("required":["a","b"])", R"({"a":1})") == "missing-field b");
  CHECK(faults_of(R"("properties":{"a":{}},"additionalProperties":false)", R"({"a":1,"b":1})") == "unknown-field b");
  CHECK(faults_of(R"("properties":{"a":{}},"additionalProperties":{"type":"string"})", R"({"a":1,"b":1})") ==
        "wrong-type b");
  CHECK(faults_of(R"("propertyNames":{"pattern":"^[a-z]+$"})", R"({"ok":1,"NO":1})") == "bad-value NO");
  CHECK(
      faults_of(
          R"("properties":{"x":{"$ref":"#/definitions/s","maxLength":1}},"definitions":{"s":{"type":"string","maxLength":9}})",
          R"({"x":"ab"})") == "too-long x");
  CHECK(faults_of(R"("properties":{"x":{"$ref":"#/definitions/s"}},"definitions":{"s":{"type":"string"}})",
                  R"({"x":1})") == "wrong-type x");
}

TEST_CASE("a keyword of another type of value does not count") {
  CHECK(faults_of(R"("minimum":3,"pattern":"^a$","minItems":1,"required":["a"])", "true") == "");
  CHECK(faults_of(R"("maxLength":1,"maximum":1)", R"([1,2,3])") == "");
}

TEST_CASE("a schema with a keyword that nobody implements, or a broken one, is a defect") {
  for (const char* text : {R"({"oneOf":[]})", R"({"format":"date"})", R"({"pattern":"("})", R"({"$ref":"other.json"})",
                           R"({"x-impact":"mild"})", "{", R"({"not":{}})", R"({"$ref":"other.json#/a"})",
                           R"({"$ref":"#/definitions/none"})", R"({"x-phase":"access_control"})",
                           R"({"x-policies":["a"],"properties":{"a":{}}})", R"({"x-policies":["a"]})",
                           R"({"properties":{"a":{"x-phase":"rewrite"}}})",
                           R"({"x-policies":["a","a"],"properties":{"a":{"x-phase":"rewrite"}}})"})
    CHECK_THROWS_AS(Schema(std::string(text)), std::logic_error);
}

TEST_CASE(
    "fields are taken over from another file, but for those of one's own, and definitions of that name go before") {
  const std::string taking = R"("x-fields-of":"instance.json#/properties/upstream/items","additionalProperties":false,
    "properties":{"server":false,"retries":{"type":"string"}})";
  CHECK(faults_of(taking, R"({"retries":"x","connect_timeout":"5s","name":"a"})") == "");
  CHECK(faults_of(taking, R"({"server":[]})") == "unknown-field server");
  CHECK(faults_of(taking, R"({"retries":1})") == "wrong-type retries");
  CHECK(faults_of(taking, R"({"connect_timeout":"05s"})") == "bad-value connect_timeout");
  CHECK(faults_of(taking + R"(,"definitions":{"duration":{"pattern":"^05s$"}})", R"({"connect_timeout":"05s"})") == "");
  CHECK(faults_of(R"("properties":{"x":{"$ref":"instance.json#/definitions/duration"}})", R"({"x":"5"})") ==
        "bad-value x");
}

TEST_CASE("a policy says which phases it needs, and one list orders them") {
  const Schema schema(R"({"x-policies":["b","a"],"properties":{"a":{"x-phase":["rewrite","header_filter"]},
    "b":{"x-phase":"access"},"c":{}}})");
  CHECK(schema.root().policies == std::vector<std::string>{"b", "a"});
  CHECK(schema.find("a")->phases == std::set{Phase::rewrite, Phase::header_filter});
  CHECK(schema.find("b")->phases == std::set{Phase::access});
  CHECK(schema.find("c")->phases.empty());
}

TEST_CASE("every schema that is embedded loads") {
  CHECK(embedded_schemas().size() >= 3);
  for (const auto& [name, text] : embedded_schemas()) CHECK_NOTHROW_MESSAGE(Schema(std::string(text)), name);
  for (const char* name : {"instance", "fleet"}) CHECK_NOTHROW(Schema::get(name));
}

TEST_CASE("all faults are found at once, each with path, place, source line and a way out") {
  const std::string text =
      "{\"kind\": \"Instance\", \"labls\": {},\n"
      " \"nginx\": {\"worker_processes\": \"many\", \"keepalive\": 0, \"worker_conections\": 1},\n"
      " \"upstream\": [{\"name\": \"A\", \"balance\": \"roundrobin\", \"server\": []},\n"
      "   {\"server\": [{\"address\": \"10.0.0.1:80\", \"weight\": \"5\", \"backup\": 1}]}],\n"
      " \"route\": {\"upstream\": \"a\"}}";
  std::string got;
  for (const Diagnostic& d : faults_in_instance(text)) {
    got += std::to_string(d.place.line) + ":" + std::to_string(d.place.col) + " " + d.code + " " + d.field + " (" +
           d.hint + ")\n";
    CHECK(d.source_line == line_of(text, d.place.line));
    CHECK(d.file == "a.json");
  }
  CHECK(got ==
        "1:22 unknown-field labls (did you mean 'labels'?)\n"
        "2:32 bad-value nginx.worker_processes (for example 2 or \"auto\")\n"
        "2:53 out-of-range nginx.keepalive (use 1 to 65535)\n"
        "2:56 unknown-field nginx.worker_conections (did you mean 'worker_connections'?)\n"
        "3:24 bad-value upstream[0].name (for example \"payment\")\n"
        "3:40 not-a-choice upstream[0].balance (did you mean \"round_robin\"?)\n"
        "3:64 too-few upstream[0].server ()\n"
        "4:53 wrong-type upstream[1].server[0].weight (write the number without quotes)\n"
        "4:68 wrong-type upstream[1].server[0].backup ()\n"
        "4:4 missing-field upstream[1].name (add name = \"payment\")\n"
        "5:11 wrong-type route (write it as a list: [[route]])\n"
        "1:1 missing-field name (add name = \"prd_payment_001_8080\")\n");
}

TEST_CASE("defaults are filled in at every depth, in the schema's order") {
  const Value filled =
      Schema::get("instance")
          .with_defaults(
              json(R"({"upstream":[{"server":[{"address":"10.0.0.1:80"}],"name":"a"}],"name":"n","kind":"Instance"})"));
  CHECK(to_json(filled.at("upstream").items()[0].at("server")) ==
        R"([{"address":"10.0.0.1:80","weight":1,"backup":false}])");
  CHECK(filled.at("nginx").at("worker_processes").as_string() == "auto");
  CHECK(filled.at("route").items().empty());
  std::string order;
  for (const auto& m : filled.members()) order += m.key + " ";
  CHECK(order == "kind name layout nginx certificate upstream route ");
  CHECK(Schema::get("instance").with_defaults(filled) == filled);
}

TEST_CASE("labels and members in any order give one value") {
  Random random(4);
  CAPTURE(random.seed());
  for (int n = 0; n < 100; ++n) {
    const Value document = random_manifest(random);
    const Value first = instance_of(document).spec;
    REQUIRE(instance_of(shuffled(random, document)).spec == first);
    REQUIRE(to_json(instance_of(shuffled(random, document)).spec) == to_json(first));
  }
}

TEST_CASE("TOML and JSON of one meaning give one value") {
  Diagnostics found;
  const auto toml = read_instance(
      "kind = 'Instance'\nname = 'prd_a_001_80'\nlabels.b = 'x'\nlabels.a = 'y'\n[[upstream]]\nname = "
      "'u'\n[[upstream.server]]\naddress = '10.0.0.1:80'\n[[route]]\nupstream = 'u'\n",
      found);
  const auto other = read_instance(
      R"({"route":[{"upstream":"u"}],"labels":{"a":"y","b":"x"},"upstream":[{"server":[{"address":"10.0.0.1:80"}],"name":"u"}],"name":"prd_a_001_80","kind":"Instance"})",
      found, "a.json");
  REQUIRE((toml && other));
  CHECK(toml->spec == other->spec);
}

TEST_CASE("what is empty means what is absent") {
  const Value plain = object({{"kind", "Instance"}, {"name", "prd_a_001_80"}});
  Value spoken = plain;
  spoken.set("admin", Value::object());
  spoken.set("labels", Value::object());
  CHECK(instance_of(spoken).spec == instance_of(plain).spec);
}

TEST_CASE("a number written as 2.0 is the number 2") {
  Value with = full_manifest(), without = full_manifest();
  with.find("upstream")->items()[0].set("retries", 2.0);
  without.find("upstream")->items()[0].set("retries", 2);
  CHECK(instance_of(with).spec == instance_of(without).spec);
}

TEST_CASE("a port written as 8080.0 is taken or refused, not an exception") {
  Value document = full_manifest();
  document.find("listener")->items()[0].set("port", 8080.0);
  Diagnostics found;
  CHECK_NOTHROW(make_instance(manifest_of(document), nullptr, found));
}

TEST_CASE("impact and keys are inherited downwards, and find() follows a path without indexes") {
  const Schema& schema = Schema::get("instance");
  CHECK(schema.find("upstream.server.weight")->impact == Impact::hot);
  CHECK(schema.find("labels")->impact == Impact::none);
  CHECK(schema.find("nginx.keepalive")->impact == Impact::reload);
  CHECK(schema.find("nginx.binary")->impact == Impact::restart);
  CHECK(schema.find("upstream.server")->key == std::vector<std::string>{"address"});
  CHECK(schema.find("upstream.nothing") == nullptr);
  CHECK(schema.find("name.x") == nullptr);
}

// Each diagnostic carries a copy of its line: 200 KB of JSON on one line with 20,000 faults take 4 GB.
TEST_CASE("many faults on one long line take no more memory than a few lines") {
  std::string text = "{\"kind\":\"Instance\"";
  for (int n = 0; n < 1500; ++n) text += ",\"unknown" + std::to_string(n) + "\":1";
  size_t bytes = 0;
  for (const Diagnostic& d : faults_in_instance(text + "}")) bytes += d.source_line.size();
  CHECK(bytes < 20 * text.size());
}

TEST_CASE("any document at all is judged without an exception") {
  Random random(5);
  CAPTURE(random.seed());
  const Value good = full_manifest();
  for (int n = 0; n < 3000; ++n) {
    Value document = good;
    Value* at = &document;
    for (int depth = random.between(1, 4); depth > 0; --depth) {
      if (at->is_object() && !at->members().empty())
        at = &at->members()[random.below(at->members().size())].value;
      else if (at->is_array() && !at->items().empty())
        at = &at->items()[random.below(at->items().size())];
    }
    *at = random.pick<Value>({Value(), Value(true), Value(-1), Value(70000), Value(1.5), Value(""), Value("x"),
                              Value::array(), Value::object(), array({Value(1)}), object({{"a", 1}})});
    if (document.find("kind") == nullptr || !document.is_object()) continue;
    Diagnostics found;
    CAPTURE(to_json(document));
    REQUIRE_NOTHROW(make_instance({{"a.json", ""}, document, "Instance"}, nullptr, found));
  }
}
