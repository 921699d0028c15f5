#include <doctest/doctest.h>

#include <map>

#include "base/hash.h"
#include "model/masked.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string toml = R"(kind = "Instance" # "s3cret" in a comment stays
name = "tst_mask_001_80"
labels = { team = "s3cret" }
[[upstream]]
name = "a"
server = [{ address = "10.0.0.1:80", weight = 5 }]
[upstream.health]
headers = { "X-Probe" = "s3cret", X-Two = 'two "quoted"' }
[[upstream.health.check]]
name = "lines"
type = "tcp"
send = """
first
s3cret\""""
[[upstream.health.check]]
name = "module"
type = "lua"
module = "m"
settings.word = '''se3"cret'''''
[[route]]
upstream = "a"
request_headers.set = { X-Key = "s3cret" }
request_headers.add.X-Other = "\u0073\u0033cret"
response_headers.set = { X-Frame-Options = "DENY" }
)";

std::string digits(const std::string& text) { return sha256(text).substr(0, 12); }

Value read(const Source& source) {
  Diagnostics found;
  auto document = read_document(source, found);
  REQUIRE_MESSAGE(document.has_value(), all_texts(found));
  return *document;
}

/// All strings of a value, by where they stand.
void collect(const Value& v, const std::string& path, std::map<std::string, std::string>& out) {
  if (v.is_string()) out[path] = v.as_string();
  if (v.is_array())
    for (const Value& item : v.items()) collect(item, path + "[]", out);
  if (v.is_object())
    for (const auto& m : v.members()) collect(m.value, path + "." + m.key, out);
}

}  // namespace

TEST_CASE("each field that can hold a secret is marked, and no other") {
  const Schema& schema = Schema::get("instance");
  const auto marked = [&](const std::string& path) {
    const Schema::Node* node = schema.find(path);
    REQUIRE_MESSAGE(node != nullptr, path);
    return node->additional == nullptr ? node->secret : node->additional->secret;
  };
  for (const char* health : {"upstream.health.", "upstream.health.check."})
    for (const char* field : {"headers", "send", "settings"}) CHECK(marked(std::string(health) + field));
  for (const char* field : {"route.request_headers.set", "route.request_headers.add"}) CHECK(marked(field));
  for (const char* field : {"name", "labels", "route.response_headers.set", "route.headers", "upstream.health.path",
                            "upstream.health.expect", "route.request_headers.remove", "admin.token_file"})
    CHECK_FALSE(marked(field));
}

TEST_CASE("a secret is masked before and after, with a fingerprint that shows a change") {
  CHECK(mask_of("s3cret") == "(secret, sha256:" + digits("s3cret") + ")");
  CHECK(mask_of("s3cret") != mask_of("s3cret2"));
  CHECK(mask_of_fingerprint("sha256:" + sha256("s3cret")) == mask_of("s3cret"));
}

TEST_CASE("a spec keeps all but its secrets") {
  const Value spec = instance_of(read({"a.toml", toml})).spec;
  const Value shown = masked_spec(spec);
  CHECK(shown != spec);
  CHECK(masked_spec(shown).find("name")->as_string() == "tst_mask_001_80");
  std::map<std::string, std::string> was, is;
  collect(spec, "", was);
  collect(shown, "", is);
  REQUIRE(was.size() == is.size());
  size_t changed = 0;
  for (const auto& [path, text] : was) {
    if (is.at(path) == text) continue;
    ++changed;
    CHECK(is.at(path) == mask_of(text));
  }
  CHECK(changed == 6);  // two headers, what is sent, a setting, what is set, and what is added
  CHECK(to_json(shown).find("DENY") != std::string::npos);
  CHECK(is.at(".labels.team") == "s3cret");
}

TEST_CASE("a manifest's text keeps every byte but those of its secrets") {
  const std::string shown = masked_manifest({"a.toml", toml});
  std::string hidden = shown;
  for (const char* public_line : {"# \"s3cret\" in a comment stays", "team = \"s3cret\""}) {
    const size_t at = hidden.find(public_line);
    REQUIRE(at != std::string::npos);
    hidden.erase(at, std::string(public_line).size());
  }
  CHECK_MESSAGE(hidden.find("cret\"") == std::string::npos, shown);
  CHECK_MESSAGE(hidden.find("s3cret") == std::string::npos, shown);
  CHECK(shown.find("X-Two = \"(secret, sha256:" + digits("two \"quoted\"") + ")\" }\n") != std::string::npos);
  CHECK(shown.find("send = \"(secret, sha256:" + digits("first\ns3cret\"") + ")\"\n[[upstream") != std::string::npos);
  CHECK(shown.find("settings.word = \"(secret, sha256:" + digits("se3\"cret''") + ")\"\n[[route]]") !=
        std::string::npos);
  CHECK(shown.find("add.X-Other = \"" + mask_of("s3cret") + "\"\n") != std::string::npos);
  CHECK(read({"a.toml", shown}) == masked(read({"a.toml", toml}), Schema::get("instance").root()));
}

TEST_CASE("columns are counted in characters") {
  CHECK(masked_manifest({"a.toml", "upstream = [{ name = \"\u00e9\u4e16\", health = { send = \"s3cret\" } }]\n"}) ==
        "upstream = [{ name = \"\u00e9\u4e16\", health = { send = \"" + mask_of("s3cret") + "\" } }]\n");
}

TEST_CASE("the same of JSON, and of a text that begins with a byte order mark") {
  const Value document = read({"a.toml", toml});
  for (const std::string& begin : {std::string(), std::string(byte_order_mark)}) {
    const Source source{"a.json", begin + to_json(document, 2)};
    const std::string shown = masked_manifest(source);
    CHECK(shown.starts_with(begin));
    CHECK(shown == begin + to_json(masked(document, Schema::get("instance").root()), 2));
  }
}

TEST_CASE("a text without secrets stays as it is, and one that cannot be read is masked as a whole") {
  const std::string plain = "kind = \"Instance\" # x\nname = 'tst_mask_001_80'\n";
  CHECK(masked_manifest({"a.toml", plain}) == plain);
  CHECK(masked_manifest({"a.toml", "s3cret ="}) == mask_of("s3cret =") + "\n");
  CHECK(masked_document("{\"s3cret\"") == mask_of("{\"s3cret\"") + "\n");
}

TEST_CASE("the gateway's document is masked as the manifest that it is made of") {
  const std::string plain = R"({"format": 1, "upstreams": [], "routes": []})";
  CHECK(masked_document(plain) == plain);
  const std::string shown =
      masked_document(R"({"format":1,"upstreams":[{"name":"a","health":{"headers":{"X-A":"s3cret"},
    "checks":[{"name":"b","send":"s3cret","settings":{"w":"s3cret"}}]}}],
    "routes":[{"path":"/s","request_headers":{"set":{"X-A":"s3cret"},"add":{"X-B":"s3cret"},"remove":["X-C"]}}]})");
  CHECK(shown.find("s3cret") == std::string::npos);
  CHECK(shown.find("X-C") != std::string::npos);
  CHECK(shown.find(mask_of("s3cret")) != std::string::npos);
}

TEST_CASE("generated manifests never show a marked value, and their masked text reads as their masked document") {
  Random random(41);
  CAPTURE(random.seed());
  for (int n = 0; n < 200; ++n) {
    Value document = full_manifest();
    const std::string secret = "s3cret" + random.text("abc\"'\\\n\t []{},#=xyz", 30);
    document.find("upstream")->items()[0].find("health")->set("headers", object({{"X-A", secret}, {"X-B", "plain"}}));
    document.find("upstream")->items()[1].set("health", object({{"type", "tcp"}, {"send", secret}}));
    const Source source{"a.json", to_json(document, static_cast<int>(random.below(3)))};
    const std::string shown = masked_manifest(source);
    REQUIRE(shown.find("s3cret") == std::string::npos);
    REQUIRE(read({"a.json", shown}) == masked(document, Schema::get("instance").root()));
  }
}
