#include <doctest/doctest.h>

#include "import/host_balancer.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string sample = R"({"backends": [
  {"backend_name": "one", "health_check": {"enable": true, "type": "http", "uri": "/ping", "interval": 1.5},
   "servers": [{"addr": "10.0.0.1", "port": 80}, {"addr": "fd00::1", "port": 81, "weight": 7}]},
  {"backend_name": "Two", "servers": [{"addr": "10.0.0.2", "port": 80}]}],
 "hosts": [{"host": "a.test", "backend_name": "one"}, {"host": "b.test", "backend_name": "Two"}]})";

std::optional<std::string> imported(const std::string& text, Diagnostics& found) {
  return import_host_balancer({"hosts.json", text}, std::nullopt, found);
}

}  // namespace

TEST_CASE("a manifest is made, with a warning for what was decided, and twice the same") {
  Diagnostics found, again;
  const auto manifest = imported(sample, found);
  REQUIRE_MESSAGE(manifest.has_value(), all_texts(found));
  CHECK(manifest == imported("\xef\xbb\xbf" + sample, again));
  CHECK(all_texts(found) == all_texts(again));
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::warning);
  CHECK(found[0].field == "backends[1].backend_name");
  CHECK(found[0].place.line == 4);
  Diagnostics faults;
  const auto instance = read_instance(*manifest, faults);
  REQUIRE_MESSAGE(instance.has_value(), all_texts(faults));
  CHECK(instance->list("upstream")[1].at("name") == Value("two"));
  CHECK(instance->list("upstream")[0].at("health").at("interval") == Value("1500ms"));
}

TEST_CASE("more faults than are told hide no value of another type from what reads the document") {
  std::string servers;
  for (size_t n = 0; n < max_faults; ++n) servers += R"({"addr": "x", "port": 0},)";
  Diagnostics found;
  CHECK(!imported(R"({"backends": [{"backend_name": "a", "servers": [)" + servers +
                      R"({"addr": 1, "port": "80"}]}], "hosts": [{"host": 5}]})",
                  found));
  CHECK(found.size() == max_faults);
}

TEST_CASE("10,000 documents with bytes changed give a sound manifest or faults, and nothing else") {
  Random r;
  int made = 0, refused = 0;
  for (int n = 0; n < 10000; ++n) {
    CAPTURE(r.seed());
    std::string text = sample;
    for (int edits = r.between(1, 3); edits > 0; --edits) {
      const size_t at = r.below(text.size());
      if (r.chance(30))
        text.erase(at, r.below(4) + 1);
      else if (r.chance(50))
        text[at] = "0123456789.-\"[]{}:,eE aZ\\\n"[r.below(27)];
      else
        text.insert(at, r.chance(50) ? r.bytes(4) : text.substr(r.below(text.size()), 12));
    }
    Diagnostics found;
    const auto manifest = imported(text, found);
    CAPTURE(text);
    REQUIRE(manifest.has_value() != has_errors(found));
    (manifest ? made : refused) += 1;
    if (!manifest) continue;
    Diagnostics faults;
    REQUIRE_MESSAGE(read_instance(*manifest, faults).has_value(), all_texts(faults));
  }
  CHECK(made > 100);
  CHECK(refused > 5000);
}
