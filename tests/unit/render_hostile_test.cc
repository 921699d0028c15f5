#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "base/text.h"
#include "model/schema.h"
#include "nginx/config.h"
#include "render/nginx_conf.h"
#include "samples.h"

// Security bar S1: whatever stands in a string field is refused, or changes nothing but that one value.
using namespace orctl;
using namespace orctl::test;

namespace {

/// The place of a string in a document: members by name, items by number.
struct Leaf {
  std::string path;                               ///< "upstream[0].name"; of a label's key "labels{team}"
  std::function<Value(const std::string&)> with;  ///< the document with another string there
};

using Rebuild = std::function<Value(Value)>;

/// Whether the object at `path` has keys of the user's own.
bool is_map(const std::string& path) {
  return path == "labels" || path.ends_with(".headers") || path.ends_with(".set") || path.ends_with(".add") ||
         path.ends_with(".settings");
}

void collect(const Value& v, const std::string& path, const Rebuild& rebuild, std::vector<Leaf>& out) {
  if (v.is_string()) out.push_back({path, [rebuild](const std::string& s) { return rebuild(Value(s)); }});
  if (v.is_array())
    for (size_t i = 0; i < v.items().size(); ++i)
      collect(
          v.items()[i], path + "[" + std::to_string(i) + "]",
          [=](Value item) {
            Value all = v;
            all.items()[i] = std::move(item);
            return rebuild(std::move(all));
          },
          out);
  if (!v.is_object()) return;
  for (const auto& member : v.members())
    collect(
        member.value, path.empty() ? member.key : path + "." + member.key,
        [=, key = member.key](Value value) {
          Value all = v;
          all.set(key, std::move(value));
          return rebuild(std::move(all));
        },
        out);
  if (is_map(path))
    for (size_t i = 0; i < v.members().size(); ++i)
      out.push_back({path + "{" + v.members()[i].key + "}", [=](const std::string& s) {
                       Value all = v;
                       all.members()[i].key = s;
                       return rebuild(std::move(all));
                     }});
}

std::vector<Leaf> leaves_of(const Value& document) {
  std::vector<Leaf> out;
  collect(
      document, "", [](Value v) { return v; }, out);
  return out;
}

/// Every field of a schema that may hold a string, as "upstream.server.address"; open objects as "labels.*".
void string_fields(const Schema::Node& node, const std::string& path, std::set<std::string>& out) {
  for (const std::string& type : node.types)
    if (type == "string") out.insert(path);
  if (node.items != nullptr) string_fields(*node.items, path, out);
  for (const auto& p : node.properties) string_fields(*p.node, path.empty() ? p.name : path + "." + p.name, out);
  if (node.additional != nullptr) string_fields(*node.additional, path + ".*", out);
}

std::string field_of(const std::string& leaf) {
  std::string out;
  bool inside = false;
  for (const char c : leaf) {
    if (c == '[') inside = true;
    if (!inside) out += c;
    if (c == ']') inside = false;
  }
  const size_t dot = out.rfind('.');
  return dot != std::string::npos && is_map(out.substr(0, dot)) ? out.substr(0, dot) + ".*" : out;
}

/// 1,000, or as many as the long run asks for: ORCTL_TEST_HOSTILE=10000.
size_t hostile_count() {
  const char* given = std::getenv("ORCTL_TEST_HOSTILE");
  return given == nullptr ? 1000 : std::max<size_t>(1000, std::strtoul(given, nullptr, 10));
}

const std::vector<std::string>& hostile_values() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (int c = 0; c < 256; ++c) out.push_back("a" + std::string(1, static_cast<char>(c)) + "b");
    for (const char* text : {"",
                             " ",
                             "x;",
                             "x; } server { listen 9; } #",
                             "x\"; } server { listen 9; } #",
                             "x'; }",
                             "x\\",
                             "x\\\"; evil;",
                             "$http_host",
                             "${host}",
                             "$",
                             "x$",
                             "${",
                             "$(id)",
                             "`id`",
                             "x\n}\nload_module /tmp/x.so;\n",
                             "x\r\nX-Evil: 1",
                             "#c",
                             "{",
                             "}",
                             "{}",
                             ";",
                             "\\n",
                             "\\t",
                             "\\r",
                             "\\\\n",
                             "\\$x",
                             "\"",
                             "'",
                             "~^/x$",
                             "lua{",
                             "unix:/x;",
                             "unix:/etc/passwd",
                             "x by_lua_block { os.execute('id') }",
                             "content_by_lua_block",
                             "]]",
                             "]==]",
                             "--[[",
                             "\\x0a",
                             "%h",
                             "%n",
                             "%%",
                             "%i",
                             "x\nExecStartPre=/bin/sh",
                             "x\n[Service]\nUser=root",
                             "\\x0aUser=root",
                             "../../etc/passwd",
                             "/etc/passwd",
                             "..",
                             ".",
                             "a/../b",
                             "-rf",
                             "--help",
                             "%2e%2e%2f",
                             "\xe2\x80\xae"
                             "abc",
                             "\xff\xfe\x80",
                             "\xc0\xaf",
                             "\x1b[31m",
                             "caf\xc3\xa9",
                             "\xe2\x80\xa8",
                             "orctl_dollar",
                             "${orctl_dollar}",
                             "default_server",
                             "off",
                             "null",
                             "true",
                             "0x10",
                             "1e3",
                             "{name}",
                             "{name",
                             "@orctl_error",
                             "include /etc/shadow",
                             "/$request_uri",
                             "/;",
                             "/\"",
                             "/a b",
                             "/#",
                             "/%2e",
                             "/{",
                             "/}",
                             "/'",
                             "/'';/$x"})
      out.emplace_back(text);
    out.push_back(std::string("a\0b", 3));
    out.push_back(std::string(70000, 'a'));
    Random random(1);
    const std::string alphabet("\"'\\${};# \n\t%", 12);
    const size_t n = hostile_count();
    while (out.size() < n * 7 / 10) out.push_back(random.text(alphabet, 24));
    while (out.size() < n * 17 / 20) out.push_back("a" + random.text(alphabet + "a0./:-_", 12));
    while (out.size() < n) out.push_back("/" + random.text(alphabet + "a0.-_~!&()*+,=:@", 6));
    return out;
  }();
  return all;
}

/// Names, numbers of arguments and blocks: what stays when only values change.
std::string shape(const nginx::Config& config) {
  std::string out;
  for (const nginx::Directive& d : config) {
    // the names in a map or split_clients are values of ours; everything else is nginx's own
    out += d.name + "/" + std::to_string(d.args.size()) + (d.has_block ? "{" + shape(d.block) + "}" : ";");
    if (d.is_lua()) out += std::to_string(std::count(d.lua.begin(), d.lua.end(), '('));
  }
  return out;
}

/// The keys of a unit's lines, in order.
std::string unit_keys(const std::string& unit) {
  std::string out;
  for (const std::string& line : split(unit, '\n')) out += line.substr(0, line.find('=')) + "\n";
  return out;
}

struct Shapes {
  std::string conf, unit;
  bool operator==(const Shapes&) const = default;
};

Shapes shapes_of(const Instance& instance) {
  Target target;
  const Value& nginx = instance.spec.at("nginx");
  if (const Value* binary = nginx.find("binary")) target.binary = binary->as_string();
  if (const Value* user = nginx.find("user")) target.user = target.group = user->as_string();
  const Layout layout("/");
  const std::string conf = nginx::write(nginx_conf(instance, {}, target, layout, std::string(64, '0')));
  return {shape(nginx::parse(conf)), unit_keys(render_unit(instance, target, layout))};
}

std::optional<Instance> accepted(const Value& document, const Fleet* fleet = nullptr) {
  Diagnostics found;
  return make_instance(manifest_of(document), fleet, found);
}

/// An upstream and the route that names it change together, or every new name would be refused as unknown.
Value consistent(Value document, const std::string& path, const std::string& value) {
  if (path == "upstream[0].name") document.find("route")->items()[0].set("upstream", value);
  if (path == "route[0].upstream") document.find("upstream")->items()[0].set("name", value);
  return document;
}

/// A check with every field there is; what a type does not use does no harm.
Value whole_check() {
  return object({{"type", "http"},
                 {"path", "/ping"},
                 {"interval", "2s"},
                 {"interval_when_down", "1s"},
                 {"interval_when_stable", "9s"},
                 {"timeout", "1s"},
                 {"method", "GET"},
                 {"host", "www.test1.com"},
                 {"headers", object({{"X-Probe", "orctl"}})},
                 {"status", array({"200-299"})},
                 {"body", "^ok"},
                 {"tls", true},
                 {"tls_server_name", "www.test1.com"},
                 {"send", "PING"},
                 {"expect", "PONG"},
                 {"module", "checks.ldap"},
                 {"settings", object({{"base", "dc=test"}})},
                 {"window", "9s"},
                 {"max_latency", "500ms"}});
}

/// With what the other tests, which start instances, leave out: it needs files, or another kind of upstream.
Value whole_manifest() {
  Value manifest = full_manifest();
  manifest.set("admin", object({{"listen", "127.0.0.1:9001"}, {"token_file", "/etc/orctl/admin.token"}}));
  manifest.find("nginx")->set("trusted_certificate", "/etc/ssl/certs/ca.pem");
  manifest.find("source")->set("tls", true);
  manifest.find("source")->set("tls_server_name", "redis.example");
  Value health = whole_check(), check = whole_check();
  check.set("name", "ping");
  health.set("check", array({check}));
  health.set("require", "all");
  health.set("flap", object({{"window", "9s"}, {"hold", "9s"}, {"max_hold", "99s"}}));
  const Value servers = array({object({{"address", "127.0.0.1:9104"}})});
  auto& upstreams = manifest.find("upstream")->items();
  upstreams.push_back(
      object({{"name", "hashed"}, {"balance", "hash"}, {"hash", "header:X-User"}, {"server", servers}}));
  upstreams.push_back(
      object({{"name", "kept"},
              {"server", servers},
              {"slow_start", "9s"},
              {"all_down", "fail"},
              {"sticky", object({{"cookie", "sid"}, {"path", "/"}, {"domain", "test1.com"}, {"ttl", "1h"}})},
              {"outlier", object({{"interval", "9s"}, {"ejection_time", "9s"}, {"max_ejection_time", "99s"}})},
              {"health", health}}));
  return manifest;
}

bool is_quiet(const std::string& value) {
  for (size_t at = 0; at < value.size();) {
    const Character c = first_character(std::string_view(value).substr(at));
    if (!c.valid || is_control(c.code)) return false;
    at += c.bytes;
  }
  return true;
}

}  // namespace

TEST_CASE("the full manifest has every string field of the schema") {
  std::set<std::string> wanted, present;
  string_fields(Schema::get("instance").root(), "", wanted);
  for (const Leaf& leaf : leaves_of(whole_manifest())) present.insert(field_of(leaf.path));
  for (const std::string& field : wanted) CHECK_MESSAGE(present.contains(field), field);
}

TEST_CASE("1,000 hostile values in every string field are refused or stay values") {
  const Value document = whole_manifest();
  const Shapes expected = shapes_of(instance_of(document));
  REQUIRE(hostile_values().size() == hostile_count());
  size_t taken = 0;
  for (const Leaf& leaf : leaves_of(document)) {
    for (const std::string& value : hostile_values()) {
      const auto instance = accepted(consistent(leaf.with(value), leaf.path, value));
      if (!instance) continue;
      ++taken;
      CAPTURE(leaf.path);
      CAPTURE(to_json(value));
      // NUL, C0, C1 and what is no UTF-8 is refused everywhere, but for line breaks in what a check says
      std::string rest = value;
      if (leaf.path.ends_with(".send") || leaf.path.ends_with(".expect") || leaf.path.ends_with(".body"))
        std::erase_if(rest, [](char c) { return c == '\t' || c == '\r' || c == '\n'; });
      REQUIRE(is_quiet(rest));
      REQUIRE(shapes_of(*instance) == expected);
    }
  }
  MESSAGE("accepted and unharmful: " << taken);
  CHECK(taken > 100);
}

TEST_CASE("1,000 hostile values in every string field of a Fleet are refused or stay values") {
  Value fleet_document = object(
      {{"kind", "Fleet"},
       {"envs", array({"tst"})},
       {"modules", array({"law"})},
       {"defaults",
        object({{"labels", object({{"team", "a"}})}, {"layout", "{name}"}, {"nginx", whole_manifest().at("nginx")}})}});
  Value document = whole_manifest();
  for (const char* field : {"labels", "layout", "nginx"}) document.set(field, Value());
  auto& members = document.members();
  members.erase(std::remove_if(members.begin(), members.end(), [](const auto& m) { return m.value.is_null(); }),
                members.end());
  const auto instance_under = [&](const Value& fleet_text) -> std::optional<Instance> {
    Diagnostics found;
    const auto fleet = make_fleet(manifest_of(fleet_text), found);
    return fleet ? accepted(document, &*fleet) : std::nullopt;
  };
  const auto baseline = instance_under(fleet_document);
  REQUIRE(baseline.has_value());
  const Shapes expected = shapes_of(*baseline);
  for (const Leaf& leaf : leaves_of(fleet_document)) {
    if (leaf.path == "kind") continue;
    for (const std::string& value : hostile_values()) {
      const auto instance = instance_under(leaf.with(value));
      if (!instance) continue;
      CAPTURE(leaf.path);
      CAPTURE(to_json(value));
      REQUIRE(is_quiet(value));
      REQUIRE(shapes_of(*instance) == expected);
    }
  }
}

TEST_CASE("a hostile value from text is refused with its place, never with an exception") {
  for (const std::string& value : hostile_values()) {
    Value document = whole_manifest();
    document.find("upstream")->items()[0].set("name", value);
    Diagnostics found;
    const auto instance = read_instance(to_json(document, 1), found, "m.json");
    if (instance) continue;
    REQUIRE_FALSE(found.empty());
    REQUIRE(found[0].place.line > 0);
    REQUIRE(is_utf8(to_text(found[0])));
  }
}

TEST_CASE("a root with a character that means something in nginx.conf or a unit is refused") {
  for (const char c : std::string(" \"'\\${};#\n\t%*?[]()<>|&`!^\x7f\x80"))
    CHECK_THROWS_AS(Layout("/tmp/a" + std::string(1, c)), Error);
  CHECK_NOTHROW(Layout("/tmp/a-b_c.d/e~f=g@h,i+j"));
}
