#include <doctest/doctest.h>

#include "base/error.h"
#include "model/selector.h"

using namespace orctl;

namespace {

const Value labels(Value::Object{{"team", "pay"}, {"env", "prd"}, {"empty", ""}});

bool fits(const char* text) { return LabelSelector(text).matches(&labels); }

std::string fault_of(const char* text) {
  try {
    LabelSelector made{text};
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what();
  }
  return "";
}

bool field_fits(const char* text) {
  static const Value item(Value::Object{
      {"status", "running"}, {"revision", 3}, {"labels", Value(Value::Object{{"a.b", "x,y=z"}})}, {"none", Value()}});
  return FieldSelector(text).matches(item);
}

}  // namespace

TEST_CASE("each kind of condition on labels") {
  for (const char* text :
       {"team=pay", "team==pay", " team = pay ", "team!=core", "team in (pay, core)", "team in (pay)",
        "team notin (core)", "team", "!old", "! old", "team=pay,env=prd", "env in (prd,stg),!old,team",
        "empty=", "gone!=x", "gone notin (x)", "empty in ()", "env in (a,b,prd),team notin (a)"}) {
    CAPTURE(text);
    CHECK(fits(text));
  }
  for (const char* text : {"team=core", "team!=pay", "team in (core)", "team notin (pay,x)", "old", "!team",
                           "team=pay,env=stg", "gone=", "gone in (x)", "in", "notin"}) {
    CAPTURE(text);
    CHECK_FALSE(fits(text));
  }
  CHECK(LabelSelector("!a,b!=c").matches(nullptr));
  CHECK_FALSE(LabelSelector("a").matches(nullptr));
}

TEST_CASE("a selector that cannot be read is shown with a caret") {
  CHECK(fault_of("team in (a") == "the selector cannot be read: '(' has no ')'\nteam in (a\n        ^");
  for (const char* text : {"", ",", "a,", "=a", "a in b", "a in", "a foo", "a ! b", "a=b c", "a in (b) c", "!", "a,,b",
                           "(a)", "a in (b,c"}) {
    CAPTURE(text);
    CHECK(fault_of(text).find("the selector cannot be read: ") == 0);
  }
}

TEST_CASE("fields of an item are compared as text, with patterns") {
  for (const char* text :
       {"status=running", "status==run*", "status!=stopped", "revision=3", "revision!=4,status=running",
        "labels['a.b']=x\\,y=z", "gone=", "gone!=x", ".status=running", "none=null"}) {
    CAPTURE(text);
    CHECK(field_fits(text));
  }
  for (const char* text : {"status=stopped", "status!=r*", "revision=33", "gone=x", "gone!="}) {
    CAPTURE(text);
    CHECK_FALSE(field_fits(text));
  }
  for (const char* text : {"", "status", "status=a,", "=a", "a b=c", "a[=b"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(FieldSelector(std::string(text)), const Error&);
  }
}
