#include <doctest/doctest.h>

#include "base/error.h"
#include "change/adopted_document.h"
#include "kind/instance/instance.h"
#include "model/read.h"
#include "render/render.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string name = "tst_adopt_001_8080";
const std::string text =
    "kind = \"Instance\"\nname = \"tst_adopt_001_8080\"\n# the only one\n[[upstream]]\nname = \"a\"\n"
    "server = [{ address = \"10.0.0.1:80\" }, { address = \"10.0.0.2:80\" }]\n[[route]]\nupstream = \"a\"\n";

Version stored() {
  Diagnostics found;
  Version out;
  auto document = read_document({"manifest.toml", text}, found);
  REQUIRE(document.has_value());
  out.spec = instance_of(*document).spec;
  out.manifest = text;
  out.manifest_name = "manifest.toml";
  return out;
}

/// The document of `stored()` with what `edit` makes of it, as text.
template <class Edit>
std::string document(Edit edit) {
  Instance instance;
  instance.spec = stored().spec;
  Diagnostics found;
  auto value = read_json({"gateway.json", render_document(instance)}, found);
  edit(*value);
  return to_json(*value);
}

Value& upstream(Value& document) { return document.find("upstreams")->items()[0]; }
Value& a_server(Value& document, size_t i) { return upstream(document).find("servers")->items()[i]; }

AdoptedManifest adopted(const std::string& document) { return manifest_of_document(name, stored(), document); }

Exit refusal(const std::string& document) {
  try {
    adopted(document);
  } catch (const Error& e) {
    return e.exit();
  }
  return Exit::ok;
}

}  // namespace

TEST_CASE("a document that says the same changes nothing, whatever it leaves to defaults") {
  const AdoptedManifest same = adopted(document([](Value&) {}));
  CHECK(same.text == text);
  CHECK(same.spec == stored().spec);
  CHECK(adopted("{\"format\":1,\"upstreams\":[{\"name\":\"a\",\"servers\":[{\"address\":\"10.0.0.1:80\"},"
                "{\"address\":\"10.0.0.2:80\"}]}],\"routes\":[{\"upstream\":\"a\"}]}")
            .text == text);
}

TEST_CASE("weights and servers are edited in the text, and its comments stay") {
  const AdoptedManifest made = adopted(document([](Value& d) {
    a_server(d, 0).set("weight", 7);
    upstream(d).find("servers")->push(object({{"address", "10.0.0.3:80"}}));
  }));
  CHECK(made.name == "manifest.toml");
  CHECK(made.text.find("weight = 7") != std::string::npos);
  CHECK(made.text.find("10.0.0.3:80") != std::string::npos);
  CHECK(made.text.find("# the only one") != std::string::npos);
  CHECK(adopted(document([](Value& d) { upstream(d).find("servers")->items().pop_back(); })).text.find("10.0.0.2") ==
        std::string::npos);
}

TEST_CASE("what is more than servers is written as JSON, and what did not change stays as it was written") {
  const AdoptedManifest made = adopted(document([](Value& d) { d.find("routes")->items()[0].set("path", "/x"); }));
  CHECK(made.name == "manifest.json");
  CHECK(made.text.find("\"path\": \"/x\"") != std::string::npos);
  CHECK(made.text.find("retries") == std::string::npos);  // a default, of the upstream that did not change
  CHECK(made.spec.at("route").items()[0].at("path") == Value("/x"));
}

TEST_CASE("what no manifest gives is refused") {
  CHECK(refusal("no json") == Exit::guard);
  CHECK(refusal("[]") == Exit::guard);
  CHECK(refusal("{\"upstreams\": 1, \"routes\": []}") == Exit::guard);
  CHECK(refusal(document([](Value& d) { d.set("more", 1); })) == Exit::guard);
  CHECK(refusal(document([](Value& d) { a_server(d, 0).set("more", 1); })) == Exit::guard);
  CHECK(refusal(document([](Value& d) { a_server(d, 0).set("weight", "heavy"); })) == Exit::guard);
  CHECK(refusal(document([](Value& d) { d.find("routes")->items()[0].set("upstream", "none"); })) == Exit::guard);
  CHECK(refusal(document([](Value& d) { d.set("format", 2); })) == Exit::guard);
}
