#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "model/config.h"
#include "model/host_rules.h"
#include "model/policy.h"
#include "model/read.h"
#include "model/schema.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Value compiled(const std::string& text) {
  Diagnostics found;
  auto document = read_json({"schema.json", text}, found);
  REQUIRE_MESSAGE(document.has_value(), all_texts(found));
  return *document;
}

/// Goes over every field of a schema's text, also of those that orctl itself does not compile.
class Fields {
 public:
  void walk(const Value& node, const std::string& path) {
    if (!node.is_object() || node.find("$ref") != nullptr) return;  // the definition is looked at where it stands
    bool has_parts = node.find("x-fields-of") != nullptr;           // looked at where they stand
    for (const char* part : {"properties", "definitions", "patternProperties"})
      if (const Value* all = node.find(part))
        for (const auto& [name, child, place] : all->members()) {
          has_parts = has_parts || std::string_view(part) != "definitions";
          walk(child, path + "/" + name);
        }
    for (const char* part : {"items", "additionalProperties"})
      if (const Value* child = node.find(part); child != nullptr && child->is_object()) {
        has_parts = true;
        walk(*child, path + "/" + part);
      }
    if (!has_parts) leaf(node, path);
  }

  std::string unmarked;
  std::map<std::string, int> marks;

 private:
  void leaf(const Value& node, const std::string& path) {
    const Value* mark = node.find("x-authority");
    if (mark == nullptr) {
      unmarked += path + "\n";
      return;
    }
    CHECK_NOTHROW(authority_from(mark->as_string()));
    ++marks[mark->as_string()];
  }
};

/// "upstream[0].server[0].address" of every field of the instance's schema with a mark.
void list_marked(const Schema::Node& node, const std::string& path, std::map<std::string, Authority>& out) {
  if (!node.lends) return;
  if (node.authority != Authority::none) out.emplace(path, node.authority);
  if (node.items != nullptr) list_marked(*node.items, path + "[0]", out);
  for (const auto& p : node.properties) list_marked(*p.node, path + (path.empty() ? "" : ".") + p.name, out);
}

/// What is at "a.b[0].c"; made when it is not there.
Value& place_of(Value& document, const std::string& path) {
  Value* here = &document;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '.');) {
    const size_t bracket = part.find('[');
    const std::string name = part.substr(0, bracket);
    if (here->find(name) == nullptr) here->set(name, bracket == std::string::npos ? Value::object() : Value::array());
    here = here->find(name);
    if (bracket == std::string::npos) continue;
    if (here->items().empty()) here->push(Value::object());
    here = &here->items()[0];
  }
  return *here;
}

const char* full = R"(kind = "Instance"
name = "prd_pay_001_8080"
layout = "{env}/{name}"
files = "pay/"
nginx = { binary = "/usr/sbin/nginx", user = "www-data", trusted_certificate = "/etc/ssl/certs/ca.pem" }
admin = { listen = "127.0.0.1:9001", token_file = "/etc/orctl/secrets/prd_pay_001_8080/token" }
source = { type = "redis", host = "127.0.0.1", key = "k", password_file = "/etc/orctl/secrets/prd_pay_001_8080/redis" }
[[upstream]]
name = "a"
server = [{ address = "10.0.0.1:80" }]
health = { type = "lua", module = "m" }
[[route]]
upstream = "a"
)";

/// A host that allows all of `full`.
Policy generous() {
  const Config config = read_config({{{"config.toml", R"([policy]
names = ["prd_pay_*"]
allow_listen = ["0.0.0.0:8080"]
allow_sources = ["127.0.0.1:6379"]
)"}}},
                                    Policy::Risk::high, "config.toml");
  REQUIRE_MESSAGE(config.found.empty(), all_texts(config.found));
  return config.policy;
}

Instance sound_instance(const std::string& text) {
  Diagnostics found;
  auto instance = read_instance(text, found);
  REQUIRE_MESSAGE(instance.has_value(), all_texts(found));
  return *instance;
}

const Tree overlay = {{"lua/m.lua", {"return {}", 0644}}};

std::string codes(const Diagnostics& found, const std::string& field) {
  std::string out;
  for (const Diagnostic& d : found)
    if (d.field == field) out += d.code + " ";
  return out;
}

}  // namespace

TEST_CASE("every field of every schema says what it acts with") {
  size_t files = 0, fields = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ORCTL_SOURCE "/schemas")) {
    std::ifstream in(entry.path());
    std::ostringstream text;
    text << in.rdbuf();
    Fields all;
    all.walk(compiled(text.str()), "");
    CHECK_MESSAGE(all.unmarked.empty(), entry.path().filename().string() << " has fields without x-authority:\n"
                                                                         << all.unmarked);
    ++files;
    for (const auto& [mark, times] : all.marks) fields += static_cast<size_t>(times);
  }
  CHECK(files >= 6);
  CHECK(fields > 150);
}

TEST_CASE("a field without a mark, or with one that nobody knows, is found") {
  Fields all;
  all.walk(compiled(R"({"type": "object", "properties": {"a": {"type": "string", "x-authority": "none"},
    "b": {"type": "array", "items": {"type": "string"}}, "c": {"$ref": "#/definitions/d"}, "e": {"type": "object"}},
    "definitions": {"d": {"type": "integer"}}})"),
           "");
  CHECK(all.unmarked == "/b/items\n/e\n/d\n");
  CHECK_THROWS_WITH(authority_from("anything"), "schema: unknown x-authority anything");
}

TEST_CASE("every field that acts with root's authority is held against the host's policy") {
  const std::map<Authority, Value> hostile = {
      {Authority::name, "dev_other_001_8080"},
      {Authority::binary, "/home/mallory/nginx"},
      {Authority::user, "root"},
      {Authority::layout, "prd_other_001_80/{name}"},
      {Authority::overlay, "pay/"},
      {Authority::code, "m"},
      {Authority::connect, "169.254.169.254:80"},
      {Authority::source, "192.0.2.1"},
      {Authority::secret_file, "/root/.ssh/id_ed25519"},
      {Authority::certificate_file, "/etc/shadow"},
      {Authority::listen, "192.0.2.1"},
      {Authority::admin_listen, "0.0.0.0:9001"},
  };
  const Instance fine = sound_instance(full);
  const Policy policy = generous();
  const Diagnostics none = check_policy(fine, overlay, policy);
  REQUIRE_MESSAGE(none.empty(), all_texts(none));

  std::map<std::string, Authority> marked;
  list_marked(Schema::get("instance").root(), "", marked);
  CHECK(marked.size() >= 15);
  for (const auto& [field, authority] : marked) {
    if (field == "listener[0].port" || field == "source.port") continue;  // judged with their addresses, below
    CAPTURE(field);
    REQUIRE(hostile.contains(authority));
    Instance instance = fine;
    place_of(instance.spec, field) = hostile.at(authority);
    Policy strict = policy;
    const bool by_risk = authority == Authority::overlay || authority == Authority::code;
    if (by_risk) strict.risk = Policy::Risk::low;
    if (field.starts_with("upstream[0].health.check[0]"))
      place_of(instance.spec, field.substr(0, 27) + ".type") = "lua";
    if (authority == Authority::name) instance.name = known_name("dev_other_001_8080");
    CHECK_FALSE(codes(check_policy(instance, overlay, strict), field).empty());
    CHECK_FALSE(policy_keys(authority).empty());
  }

  Instance other_port = fine;
  place_of(other_port.spec, "listener[0].port") = 22;
  CHECK(codes(check_policy(other_port, overlay, policy), "listener[0].address") == "policy-listen ");
  other_port = fine;
  place_of(other_port.spec, "source.port") = 25;
  CHECK(codes(check_policy(other_port, overlay, policy), "source.host") == "policy-source ");
}

TEST_CASE("binaries and secrets are what they are by their whole path") {
  Policy policy;
  policy.binaries = {"/usr/sbin/nginx", "/opt/nginx/"};
  for (const char* path : {"/usr/sbin/nginx", "/opt/nginx/sbin/nginx"}) CHECK_FALSE(refuse_binary(path, policy));
  for (const char* path : {"/usr/sbin/nginx2", "/usr/sbin", "/opt/nginx", "/opt/nginx/", "/opt/nginx-evil", "nginx"})
    CHECK_MESSAGE(refuse_binary(path, policy), path);
  const std::string own = "prd_pay_001_8080";
  CHECK_FALSE(refuse_secret_file("/etc/orctl/secrets/prd_pay_001_8080/redis", own, policy));
  for (const char* path : {"/etc/orctl/secrets/prd_pay_001_8080/", "/etc/orctl/secrets/prd_pay_001_80801/x",
                           "/etc/orctl/secrets/prd_other_001_80/redis", "/etc/orctl/config.toml", "/etc/shadow"})
    CHECK_MESSAGE(refuse_secret_file(path, own, policy), path);
  policy.secret_files = {"/etc/orctl/shared/"};
  CHECK_FALSE(refuse_secret_file("/etc/orctl/shared/token", own, policy));

  // no path leaves its folder again
  Diagnostics found;
  for (const char* path :
       {"/../etc/shadow", "/etc/orctl/secrets/prd_pay_001_8080/../../x", "/a/./b", "/a//b", "/a/..", "/."}) {
    std::string text = full;
    const std::string was = "/etc/orctl/secrets/prd_pay_001_8080/redis";
    text.replace(text.find(was), was.size(), path);
    CHECK_MESSAGE(!read_instance(text, found).has_value(), path);
  }
}

TEST_CASE("a layout names its instance, and leads into no other one's tree") {
  const Policy policy;
  for (const char* layout : {"{name}", "{env}/{name}", "{env}/{module}_{seq}", "{module}-{name}",
                             "{env}/{module}/{seq}", "{env}_{module}_{seq}_{port}", "edge/{name}"})
    CHECK_MESSAGE(!refuse_layout(layout, policy), layout);
  for (const char* layout :
       {"shared", "{env}", "{env}-{module}", "{port}", "prd_other_001_8080", "prd_other_001_8080/{name}",
        "{name}/{name}", "prd/other_001/{name}", "prd/other/001/{name}", "nginx/{name}", "luajit/{name}", "{name}0",
        "x{name}", "{name}_1", "{env}{module}{seq}", "x_{name}"})
    CHECK_MESSAGE(refuse_layout(layout, policy), layout);
  Policy listed;
  listed.layouts = {{"{env}-{module}"}};
  CHECK_FALSE(refuse_layout("{env}-{module}", listed));
  CHECK(refuse_layout("{name}", listed));
}

TEST_CASE("networks with ports") {
  const auto holds = [](const std::string& text, const std::string& host, int64_t port) {
    std::string fault, hint;
    const auto all = parse_endpoints(text, fault, hint);
    REQUIRE_MESSAGE(!all.empty(), text << " " << fault);
    return std::any_of(all.begin(), all.end(), [&](const Endpoints& e) { return e.holds(*parse_ip(host), port); });
  };
  CHECK(holds("10.0.0.0/8", "10.1.2.3", 1));
  CHECK(holds("10.0.0.0/8:80", "10.1.2.3", 80));
  CHECK_FALSE(holds("10.0.0.0/8:80", "10.1.2.3", 81));
  CHECK(holds("any:1024-65535", "[2001:db8::1]", 1024));
  CHECK_FALSE(holds("any:1024-65535", "192.0.2.1", 1023));
  CHECK(holds("[2001:db8::/32]:443", "[2001:db8::9]", 443));
  CHECK_FALSE(holds("[2001:db8::/32]:443", "[2001:db8::9]", 444));
  CHECK(holds("2001:db8::/32", "[2001:db8::9]", 444));
  CHECK(holds("[2001:db8::9]", "[2001:db8::9]", 444));
  CHECK(holds("loopback:6379", "[::1]", 6379));
  CHECK_FALSE(holds("10.0.0.0/8", "0.0.0.0", 80));
  CHECK(holds("any", "0.0.0.0", 80));
  for (const char* text : {"", "10.0.0.0/8:", "10.0.0.0/8:x", "any:80-79", "any:70000", "[2001:db8::1",
                           "[2001:db8::1]x:1", "somewhere", "10.0.0.1/8", "any:-5", ":80", "[]:80", "1.2.3.4:80:90"}) {
    std::string fault, hint;
    CHECK_MESSAGE(parse_endpoints(text, fault, hint).empty(), text);
    CHECK_MESSAGE(!fault.empty(), text);
  }
}

TEST_CASE("a password goes in clear only where the host says so") {
  const auto source = [](bool tls, bool password) {
    Value out = object({{"type", "redis"}, {"host", "10.0.0.9"}, {"port", 6379}, {"key", "k"}});
    if (tls) out.set("tls", true);
    if (password) out.set("password_file", "/etc/orctl/secrets/a/b");
    return out;
  };
  Policy policy;
  CHECK(refuse_source(source(true, true), policy)->text == "is no source that a manifest may name here (none)");
  std::string fault, hint;
  policy.allow_sources = parse_endpoints("10.0.0.0/24:6379", fault, hint);
  CHECK_FALSE(refuse_source(source(true, true), policy));
  CHECK_FALSE(refuse_source(source(false, false), policy));
  CHECK(refuse_source(source(false, true), policy)->text ==
        "would be sent the password without TLS, or with TLS that proves nothing");
  Value unproved = source(true, true);
  unproved.set("tls_verify", false);
  CHECK(refuse_source(unproved, policy));
  policy.clear_secrets = parse_endpoints("10.0.0.9", fault, hint);
  CHECK_FALSE(refuse_source(source(false, true), policy));
}
