#include <doctest/doctest.h>

#include "model/serving.h"
#include "model/x509.h"

using namespace orctl;

namespace {

using Indexes = std::vector<size_t>;

Offered offered(std::vector<std::string> hosts, const std::string& type, const std::string& sha256) {
  return {std::move(hosts), type, sha256};
}

}  // namespace

TEST_CASE("one certificate of each key type is served for a name, exact before wildcard before the first") {
  const Serving serving({offered({"a.test", "b.test"}, "RSA", "1"), offered({"*.test"}, "ECDSA", "2"),
                         offered({"a.test"}, "ECDSA", "3"), offered({"a.test", "c.test"}, "ECDSA", "4"),
                         offered({"b.test"}, "EdDSA", "5")});
  CHECK(serving.for_host("a.test") == Indexes{0, 2});
  CHECK(serving.for_host("b.test") == Indexes{0, 4});
  CHECK(serving.for_host("c.test") == Indexes{3});
  CHECK(serving.for_host("d.test") == Indexes{1});
  CHECK(serving.for_host("d.e.test") == Indexes{0, 2, 4});
  CHECK(serving.for_host("other") == Indexes{0, 2, 4});
  CHECK(serving.for_host(".test") == Indexes{0, 2, 4});
  CHECK(Serving({}).for_host("a.test").empty());
}

TEST_CASE("newly served is what comes first, for another name, or for the first time") {
  const Offered a = offered({"a.test"}, "RSA", "1"), b = offered({"b.test"}, "RSA", "2");
  const Serving now({a, b});
  const auto newly = [&](std::vector<Offered> after) { return Serving(std::move(after)).newly_served(now); };
  CHECK(newly({a, b}).empty());
  CHECK(newly({a}).empty());
  CHECK(newly({b, a}) == std::set<size_t>{0});
  CHECK(newly({b}) == std::set<size_t>{0});
  CHECK(newly({a, offered({"b.test", "c.test"}, "RSA", "2")}) == std::set<size_t>{1});
  CHECK(newly({a, offered({"b.test"}, "RSA", "3"), b}) == std::set<size_t>{1});
  CHECK(newly({a, b, offered({"b.test"}, "RSA", "3")}) == std::set<size_t>{2});
  CHECK(Serving({a}).newly_served(Serving({})) == std::set<size_t>{0});
}

TEST_CASE("which hosts a name of a certificate is for") {
  for (const char* host : {"a.test", "*.a.test", "_a.test", "x1"}) CHECK(is_certificate_host(host));
  for (const char* host : {"", "*", "*.", "a..b", "a.", "-a", "a-", "a b", "a*b", "*.*.a", "\xc3\xa4.test"})
    CHECK_FALSE(is_certificate_host(host));
  CHECK(certificate_names("*.a.test", "b.a.test"));
  CHECK(certificate_names("*.a.test", "*.a.test"));
  for (const char* host : {"a.test", "c.b.a.test", ".a.test", "*.b.a.test"})
    CHECK_FALSE(certificate_names("*.a.test", host));
  CHECK(utc_text(0) == "1970-01-01T00:00:00Z");
  CHECK(utc_text(1795521600) == "2026-11-24T12:00:00Z");
}
