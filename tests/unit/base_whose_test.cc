#include <doctest/doctest.h>

#include "base/whose.h"

using namespace orctl;

namespace {

std::string of(const std::string& text, const std::string& name) {
  const Error told = named(Error(Exit::target, text, "a hint"), name);
  CHECK(told.exit() == Exit::target);
  CHECK(told.hint() == "a hint");
  return told.what();
}

}  // namespace

TEST_CASE("an error of an instance names it once") {
  CHECK(of("it failed", "prd_a_001_80") == "prd_a_001_80: it failed");
  CHECK(of("", "prd_a_001_80") == "prd_a_001_80: ");
  for (const char* text : {"prd_a_001_80: it failed", "prd_a_001_80", "there is no 'prd_a_001_80'",
                           "after 3 s: prd_a_001_80/up/10.0.0.1:80 has 1 request", "of prd_a_001_80 (pid 7)"})
    CHECK(of(text, "prd_a_001_80") == text);
  CHECK(of("it failed", "") == "it failed");
}

TEST_CASE("what only holds the letters of the name does not name it") {
  for (const char* text :
       {"prd_a_001_8080 failed", "xprd_a_001_80 failed", "'/opt/openresty/prd_a_001_80/nginx.conf' is gone",
        "openresty-prd_a_001_80.service failed", "prd_a_001_80-x", "prd_a_001_80_2"})
    CHECK(of(text, "prd_a_001_80") == "prd_a_001_80: " + std::string(text));
}

TEST_CASE("what is done about an instance gives its answer, or an error that names it") {
  CHECK(about("prd_a_001_80", [] { return 7; }) == 7);
  CHECK_THROWS_WITH(about("prd_a_001_80", [] { throw Error(Exit::target, "it failed"); }), "prd_a_001_80: it failed");
}
