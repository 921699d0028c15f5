#include <doctest/doctest.h>

#include "render/render.h"

using namespace orctl;

namespace {

const std::string document =
    "{\n \"format\": 1,\n \"upstreams\": [\n  {\n   \"name\": \"a\",\n   \"retries\": 1\n  },\n  {\n   \"name\": "
    "\"ab\",\n"
    "   \"servers\": [\n    {\n     \"address\": \"1.1.1.1:1\"\n    }\n   ]\n  }\n ],\n \"routes\": [\n  {\n"
    "   \"name\": \"a\"\n  }\n ]\n}\n";

std::string with(const std::string& from, const std::string& to) {
  std::string text = document;
  text.replace(text.find(from), from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("the one upstream that differs is found, whole") {
  const auto a = changed_upstream(document, with("\"retries\": 1", "\"retries\": 12"));
  REQUIRE(a);
  CHECK(a->name == "a");
  CHECK(a->text == "{\n   \"name\": \"a\",\n   \"retries\": 12\n  }");
  const auto ab =
      changed_upstream(document, with("1.1.1.1:1\"\n    }", "1.1.1.1:1\"\n    },\n    {\n     \"x\": 1\n    }"));
  REQUIRE(ab);
  CHECK(ab->name == "ab");
  CHECK(changed_upstream(with("\"retries\": 1", "\"retries\": 12"), document));
}

TEST_CASE("more than one upstream, a name, a route, or nothing is no such change") {
  CHECK_FALSE(changed_upstream(document, document));
  CHECK_FALSE(changed_upstream(document, with("\"name\": \"a\"", "\"name\": \"c\"")));
  CHECK_FALSE(changed_upstream(document, with("\"name\": \"ab\"", "\"name\": \"abc\"")));
  CHECK_FALSE(changed_upstream(document, with("\"name\": \"a\"\n  }\n ]\n}", "\"name\": \"b\"\n  }\n ]\n}")));
  CHECK_FALSE(changed_upstream(document, with("\"format\": 1", "\"format\": 2")));
  std::string two = with("\"retries\": 1", "\"retries\": 2");
  two.replace(two.find("1.1.1.1"), 7, "2.2.2.2");
  CHECK_FALSE(changed_upstream(document, two));
  CHECK_FALSE(changed_upstream(document, with("  {\n   \"name\": \"a\",\n   \"retries\": 1\n  },\n", "")));
  CHECK_FALSE(changed_upstream("", document));
  CHECK_FALSE(changed_upstream("{\"upstreams\":[{\"name\":\"a\"}]}", document));
}
