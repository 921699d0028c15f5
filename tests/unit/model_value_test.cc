#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "model/value.h"

using namespace orctl;

TEST_CASE("set replaces a member where it stands and adds others at the end") {
  Value v = Value::object();
  v.set("b", 1);
  v.set("a", 2);
  v.set("b", "new");
  CHECK(to_json(v) == R"({"b":"new","a":2})");
  CHECK(v.at("a").as_int() == 2);
  CHECK(v.find("c") == nullptr);
  CHECK(Value(3).find("c") == nullptr);
  CHECK_THROWS_AS(v.at("c"), std::out_of_range);
}

TEST_CASE("equality is of content, not of place") {
  Value a("x"), b("x");
  a.place = {3, 4};
  CHECK(a == b);
  CHECK_FALSE(Value(1) == Value(1.0));
}

TEST_CASE("type_name speaks as JSON Schema does") {
  CHECK(Value().type_name() == "null");
  CHECK(Value(true).type_name() == "boolean");
  CHECK(Value(1).type_name() == "integer");
  CHECK(Value(1.5).type_name() == "number");
  CHECK(Value("").type_name() == "string");
  CHECK(Value::array().type_name() == "array");
  CHECK(Value::object().type_name() == "object");
}

TEST_CASE("to_json writes every type, flat or indented") {
  Value v = Value::object();
  v.set("n", Value());
  v.set("yes", true);
  v.set("big", std::numeric_limits<int64_t>::min());
  v.set("d", 0.1);
  v.set("one", 1.0);
  v.set("nan", std::numeric_limits<double>::quiet_NaN());
  v.set("list", Value::Array{1, "two", Value::object()});
  v.set("none", Value::array());
  CHECK(
      to_json(v) ==
      R"({"n":null,"yes":true,"big":-9223372036854775808,"d":0.1,"one":1.0,"nan":null,"list":[1,"two",{}],"none":[]})");
  Value small = Value::object();
  small.set("list", Value::Array{1, 2});
  CHECK(to_json(small, 2) == "{\n  \"list\": [\n    1,\n    2\n  ]\n}");
}

TEST_CASE("to_json escapes controls, bidi marks and bytes that are no UTF-8") {
  CHECK(to_json(Value("\"\\\n\t\r\b\f")) == R"("\"\\\n\t\r\b\f")");
  CHECK(to_json(Value("\x1b\x7f")) == R"("\u001b\u007f")");
  CHECK(to_json(Value("\u202e\u009b")) == R"("\u202e\u009b")");
  CHECK(to_json(Value("a\xff"
                      "b")) ==
        "\"a\xef\xbf\xbd"
        "b\"");
  CHECK(to_json(Value(std::string(1, '\0'))) == R"("\u0000")");
  CHECK(to_json(Value("é😀")) == "\"é😀\"");
}
