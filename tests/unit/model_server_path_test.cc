#include <doctest/doctest.h>

#include "base/error.h"
#include "model/server_path.h"

using namespace orctl;

namespace {

Exit exit_of_path(const char* text, PathDepth least) {
  try {
    parse_server_path(text, least);
  } catch (const Error& e) {
    return e.exit();
  }
  return Exit::ok;
}

Exit exit_of_weight(const char* text) {
  try {
    parse_weight(text);
  } catch (const Error& e) {
    return e.exit();
  }
  return Exit::ok;
}

}  // namespace

TEST_CASE("a path to a server has three parts, and its address one spelling") {
  CHECK(parse_server_path("prd_a_001_80/pay/10.0.0.1:8080", PathDepth::server) ==
        ServerPath{"prd_a_001_80", "pay", "10.0.0.1:8080"});
  CHECK(parse_server_path("prd_a_001_80/pay/[0:0::1]:8080", PathDepth::server).server == "[::1]:8080");
}

TEST_CASE("parts may be patterns, which are taken as they are") {
  CHECK(parse_server_path("prd_*/p?y/*:8080", PathDepth::server) == ServerPath{"prd_*", "p?y", "*:8080"});
  CHECK(is_pattern("a*"));
  CHECK(is_pattern("a?"));
  CHECK_FALSE(is_pattern("[::1]:80"));
}

TEST_CASE("parts at the end may be absent where a command takes less") {
  CHECK(parse_server_path("a", PathDepth::instance) == ServerPath{"a", "", ""});
  CHECK(parse_server_path("a/b", PathDepth::instance) == ServerPath{"a", "b", ""});
  for (const char* text : {"", "/", "a/", "a//10.0.0.1:80", "a/b/10.0.0.1:80/c"}) {
    CAPTURE(text);
    CHECK(exit_of_path(text, PathDepth::instance) == Exit::usage);
  }
  CHECK(exit_of_path("a", PathDepth::upstream) == Exit::usage);
  CHECK(exit_of_path("a/b", PathDepth::server) == Exit::usage);
}

TEST_CASE("a server that is no address and port is refused") {
  for (const char* text : {"a/b/web1", "a/b/10.0.0.1", "a/b/10.0.0.1:0", "a/b/0.0.0.0:80", "a/b/10.0.0.1:99999"}) {
    CAPTURE(text);
    CHECK(exit_of_path(text, PathDepth::server) == Exit::usage);
  }
}

TEST_CASE("a weight is a number, or a share in percent") {
  CHECK(parse_weight("5") == Value(5));
  CHECK(parse_weight("1000") == Value(1000));
  CHECK(parse_weight("50%") == Value("50%"));
  CHECK(parse_weight("0") == Value(0));
  CHECK(parse_weight("0%") == Value("0%"));
  CHECK(parse_weight("100%") == Value("100%"));
  for (const char* text : {"", "%", "-1", "1001", "101%", "05", "1.5", "5 %", "x"}) {
    CAPTURE(text);
    CHECK(exit_of_weight(text) == Exit::usage);
  }
}
