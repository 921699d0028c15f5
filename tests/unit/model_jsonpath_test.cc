#include <doctest/doctest.h>

#include "base/error.h"
#include "model/jsonpath.h"
#include "model/read.h"

using namespace orctl;

namespace {

const Value& document() {
  static const Value made = [] {
    Diagnostics found;
    return *read_json({"", R"({"kind": "List", "a.b": "dotted", "items": [
      {"name": "one", "n": 1, "labels": {"team.x/y": "pay", "tier": "edge"}, "up": [{"s": "x", "w": 5}, {"s": "y", "w": 9}]},
      {"name": "two", "n": 2, "ok": true, "up": [{"s": "z", "w": 1.5}], "none": null},
      {"name": "thr\"ee", "n": 10, "up": []}]})"},
                      found);
  }();
  return made;
}

std::string written(const char* text) { return JsonTemplate(text).write(document()); }

std::string fault_of(const char* text) {
  try {
    written(text);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a path leads over names, lists and all members") {
  CHECK(written("{.kind}") == "List");
  CHECK(written("{.items[*].name}") == "one two thr\"ee");
  CHECK(written("{$.items[0].up[*].w}") == "5 9");
  CHECK(written("{.items[0].up.*.s}") == "x y");
  CHECK(written("{..w}") == "5 9 1.5");
  CHECK(written("{.items[1].none}") == "null");
  CHECK(written("{.items[0].labels}") == R"({"team.x/y":"pay","tier":"edge"})");
  CHECK(written("{@.kind}") == "List");
}

TEST_CASE("names in quotes and behind backslashes may hold anything") {
  CHECK(written("{['a.b']}") == "dotted");
  CHECK(written("{.a\\.b}") == "dotted");
  CHECK(written("{.items[0].labels['team.x/y']}") == "pay");
  CHECK(written("{.items[0].labels.team\\.x/y}") == "pay");
  CHECK(written("{.items[0]['name', 'n']}") == "one 1");
  CHECK(written("{.items[0][\"name\"]}") == "one");
}

TEST_CASE("indexes and slices count from both ends") {
  CHECK(written("{.items[-1].n}") == "10");
  CHECK(written("{.items[-4].n}") == "");
  CHECK(written("{.items[3].n}") == "");
  CHECK(written("{.items[0:2].n}") == "1 2");
  CHECK(written("{.items[1:].n}") == "2 10");
  CHECK(written("{.items[:-1].n}") == "1 2");
  CHECK(written("{.items[-2:].n}") == "2 10");
  CHECK(written("{.items[::2].n}") == "1 10");
  CHECK(written("{.items[0:9223372036854775807:9223372036854775807].n}") == "1");
  CHECK(written("{.items[-9223372036854775808:1].n}") == "1");
  CHECK(written("{.items[0,2].n}") == "1 10");
  CHECK(written("{.kind[0]}") == "");
}

TEST_CASE("a filter compares numbers as numbers and texts as texts") {
  CHECK(written("{.items[?(@.name==\"two\")].n}") == "2");
  CHECK(written("{.items[?(@.name=='two')].n}") == "2");
  CHECK(written("{.items[?(@.n>=2)].n}") == "2 10");
  CHECK(written("{.items[?(@.n<10)].n}") == "1 2");
  CHECK(written("{.items[?(@.n!=2)].n}") == "1 10");
  CHECK(written("{.items[?(@.name>'on')].n}") == "1 2 10");
  CHECK(written("{.items[?(@.n<'5')].n}") == "");
  CHECK(written("{.items[?(@.ok)].n}") == "2");
  CHECK(written("{.items[?(@.ok==true)].n}") == "2");
  CHECK(written("{.items[*].up[?(@.w>1.6)].s}") == "x y");
  CHECK(written("{.items[?(@.up[0].s=='z')].name}") == "two");
  CHECK(written("{.items[?(@.labels['team.x/y']=='pay')].name}") == "one");
  CHECK(written("{.items[?(@.up[?(@.s=='y')])].name}") == "one");
  CHECK(written("{.items[?(@.name!=$.kind)].n}") == "1 2 10");
  CHECK(written("{.items[?(@.n==-1)].n}") == "");
}

TEST_CASE("range goes over what it finds, and text between braces stays") {
  CHECK(written("{range .items[*]}{.name}={.n}{\"\\n\"}{end}") == "one=1\ntwo=2\nthr\"ee=10\n");
  CHECK(written("{range .items[*]}[{range .up[*]}{.s},{end}]{end}") == "[x,y,][z,][]");
  CHECK(written("n: {.kind}!") == "n: List!");
  CHECK(written("{.kind}{'\\t'}{\"\\u00e9\\\"\"}") == "List\t\u00e9\"");
  CHECK(written("{range .nothing[*]}x{end}") == "");
  CHECK(written("{ .kind }") == "List");
  CHECK(written("{.kind \"-\" .a\\.b}") == "List-dotted");
  CHECK(written(".kind") == "List");
  CHECK(written("items[0].name") == "one");
}

TEST_CASE("control bytes of values are written visibly, those of the template are its author's") {
  const Value hostile(Value::Object{{"a", "x\x1b[31m\ny"}});
  CHECK(JsonTemplate("{.a}{\"\\n\"}").write(hostile) == "x\\x1b[31m\\ny\n");
}

TEST_CASE("what cannot be read is shown with a caret") {
  CHECK(fault_of("{.items[*}") == "']' or ',' should stand here\n{.items[*}\n         ^");
  CHECK(fault_of("ab{.items") == "'{' has no '}'\nab{.items\n  ^");
  CHECK(fault_of("{range .items[*]}{.name}").find("this range has no {end}\n") == 0);
  CHECK(fault_of("{end}").find("'end' without a range") == 0);
  CHECK(fault_of("{.items[?(@.a=1)]}").find("'=' compares nothing") == 0);
  CHECK(fault_of("{.items[?(@.a==1]}").find("')' or a comparison") == 0);
  CHECK(fault_of("{.items['x]}").find("\"'\" has no end") == 0);
  CHECK(fault_of("{.items[1:2:0]}").find("the step of a slice") == 0);
  CHECK(fault_of("{.items[99999999999999999999]}").find("this number is too large") == 0);
  CHECK(fault_of("{.}{.a..}").find("a name is missing") == 0);
  CHECK(fault_of("{foo}").find("a path begins with") == 0);
  CHECK(fault_of("{\"\\u12\"}").find("\\u takes 4") == 0);
}

TEST_CASE("nothing goes on without end or too deep") {
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "{range .items[*]}";
  CHECK(fault_of(nested.c_str()).find("ranges lie more than 32 deep") == 0);
  std::string filters = "{.items[";
  for (int i = 0; i < 1000; ++i) filters += "?(@[";
  CHECK(fault_of(filters.c_str()).find("filters lie more than 32 deep") == 0);
  std::string wide = "{";
  for (int i = 0; i < 40; ++i) wide += "..*";
  CHECK(fault_of((wide + "}").c_str()) == "");
  Value deep("x");
  for (int i = 0; i < 40; ++i) deep = Value(Value::Array{deep, deep.is_string() ? deep : Value(1)});
  CHECK_THROWS_AS(JsonTemplate("{..[*]..[*]..[*]..[*]..[*]..[*]..[*]..[*]}").write(deep), const Error&);
}

TEST_CASE("a field path is a path with or without its dot and braces") {
  const Value& item = document().at("items").items()[0];
  for (const char* text : {"name", ".name", "{.name}", "{name}", " .name ", "$.name", "@.name", "['name']"}) {
    CAPTURE(text);
    const auto found = FieldPath(text).find(item);
    REQUIRE(found.size() == 1);
    CHECK(*found[0] == Value("one"));
  }
  CHECK(FieldPath("up[*].w").find(item).size() == 2);
  CHECK(FieldPath("nothing.at.all").find(item).empty());
  for (const char* text : {"", "{}", "a b", "a[", ".a]", "a..", "{.a"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(FieldPath(std::string(text)), const Error&);
  }
}
