#include <doctest/doctest.h>

#include "model/read.h"
#include "model/write_toml.h"

using namespace orctl;

TEST_CASE("what is written reads as the same values, but null") {
  Diagnostics found;
  const auto value = read_json({"", R"({"a": 1, "b c": [1, 2.5, "x\u001b\"\\\n"], "t": {"u": {"v": true}, "w": []},
    "": "empty key", "list": [{"n": 1, "deep": [{"k": "é"}], "o": {}}, {"n": 2, "f": 1e300, "g": -0.5, "h": 3.0}],
    "mixed": [1, {"a": [{"b": null, "c": 1}]}], "last": "z"})"},
                               found);
  REQUIRE(value);
  const auto again = read_toml({"a.toml", to_toml(*value)}, found);
  CHECK_MESSAGE(again, to_toml(*value));
  CHECK(found.empty());
  if (!again) return;
  // members may change their order: plain values stand before tables
  Value without_null = *value;
  without_null.set(
      "mixed",
      Value(Value::Array{Value(1), Value(Value::Object{{"a", Value(Value::Array{Value(Value::Object{{"c", 1}})})}})}));
  for (const auto& m : without_null.members()) {
    CAPTURE(m.key);
    REQUIRE(again->find(m.key) != nullptr);
    if (m.key != "list" && m.key != "t") CHECK(*again->find(m.key) == m.value);
  }
  CHECK(again->at("t").at("u").at("v") == Value(true));
  CHECK(again->at("list").items()[0].at("deep").items()[0].at("k") == Value("é"));
  CHECK(again->at("list").items()[1].at("f") == Value(1e300));
  CHECK(again->at("list").items()[1].at("h").is_double());
  CHECK(again->members().size() == value->members().size());
}

TEST_CASE("null is left out, and bytes that are no text are replaced") {
  const Value value(Value::Object{{"a", Value()}, {"b", std::string("x\xff\0y", 4)}});
  CHECK(to_toml(value) == "b = \"x\\uFFFD\\u0000y\"\n");
}
