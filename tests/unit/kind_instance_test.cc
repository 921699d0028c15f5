#include <doctest/doctest.h>

#include "model/address.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string head = "kind = \"Instance\"\nname = \"prd_a_001_8080\"\n";

/// The faults of a manifest as "LINE:COL code field", errors and warnings.
std::string faults(const std::string& text, const Fleet* fleet = nullptr) {
  Diagnostics found;
  const auto instance = read_instance(text, found, "m.toml", fleet);
  CHECK(instance.has_value() != has_errors(found));
  std::string out;
  for (const Diagnostic& d : found)
    out += (out.empty() ? "" : "; ") + std::to_string(d.place.line) + ":" + std::to_string(d.place.col) + " " +
           (d.severity == Severity::warning ? "warning " : "") + d.code + " " + d.field;
  return out;
}

std::string upstream(const std::string& name, const std::string& servers = "{address='10.0.0.1:80'}") {
  return "[[upstream]]\nname='" + name + "'\nserver=[" + servers + "]\n";
}
std::string route(const std::string& to, const std::string& more = "") {
  return "[[route]]\nupstream='" + to + "'\n" + more;
}

/// The faults of putting these instances on one host.
Diagnostics on_one_host(const std::vector<Instance>& instances) {
  std::vector<const Object*> all;
  for (const Instance& instance : instances) all.push_back(&instance);
  Diagnostics found;
  check_together(all, found);
  return found;
}

/// How many instances that listen at these addresses of one port are in another's way.
size_t conflicts(const std::vector<std::string>& addresses, int port = 80) {
  std::vector<Instance> all;
  int seq = 1;
  for (const std::string& address : addresses) {
    Value m = object({{"kind", "Instance"},
                      {"name", Name{"prd", "a", seq++, 8080}.str()},
                      {"listener", array({object({{"address", address}, {"port", port}})})}});
    all.push_back(instance_of(m));
  }
  return on_one_host(all).size();
}

}  // namespace

TEST_CASE("a kind is needed, and known") {
  CHECK(faults("name = 'prd_a_001_8080'\n") == "1:1 missing-field kind");
  CHECK(faults("kind = 1\n") == "1:8 wrong-type kind");
  CHECK(faults("kind = 'Instanc'\n") == "1:8 not-a-choice kind");
}

TEST_CASE("a value of another type behind more faults than are told is not read") {
  std::string many;
  for (size_t n = 0; n < max_faults; ++n) many += "x" + std::to_string(n) + " = 1\n";
  Diagnostics found;
  CHECK_FALSE(read_instance(head + many + "listener = 5\nroute = 6\nnginx = 'x'\n", found).has_value());
  CHECK(found.size() == max_faults);
}

TEST_CASE("a wrong name is told which part is wrong, at its place, and the nearest right one") {
  Diagnostics found;
  CHECK_FALSE(read_instance("kind = 'Instance'\nname = 'prd_a_1_80800'\n", found).has_value());
  REQUIRE(found.size() >= 2);
  CHECK((found[0].code == "bad-name" && found[0].place.line == 2 && found[0].place.col == 15));
  CHECK(found[0].text.substr(0, 4) == "seq ");
  CHECK(found[1].text.substr(0, 5) == "port ");
  found.clear();
  CHECK_FALSE(read_instance("kind = 'Instance'\nname = 'prod_a_1_80'\n", found).has_value());
  CHECK(found[0].hint == "did you mean \"prd_a_001_80\"?");
}

TEST_CASE("routes lead to upstreams that exist, once for each host and path") {
  CHECK(faults(head + upstream("a") + route("a")) == "");
  CHECK(faults(head + upstream("alpha") + route("alpa")) ==
        "7:10 unknown-upstream route[0].upstream; 4:6 warning unused-upstream upstream[0]");
  CHECK(faults(head + upstream("a") + route("a") + route("a", "path='/'\n")) == "8:1 duplicate route[1]");
  CHECK(faults(head + upstream("a") + route("a", "host='A.test'\n") + route("a", "host='a.TEST'\n")) ==
        "9:1 duplicate route[1]");
  CHECK(faults(head + upstream("a") + route("a", "host='a.test'\n") + route("a", "host='*.a.test'\n") +
               route("a", "path='/x'\n")) == "");
  CHECK(faults(head) == "2:8 warning no-route route");
  CHECK(faults(head + upstream("a") + route("a", "hosts=['A.test','b.test']\n") + route("a", "host='a.TEST'\n")) ==
        "9:1 duplicate route[1]");
  CHECK(faults(head + upstream("a") + route("a", "methods=['GET','PUT']\n") + route("a") +
               route("a", "match='exact'\n") + route("a", "headers={X-A='1'}\n") + route("a", "headers={X-A='2'}\n")) ==
        "");
  CHECK(faults(head + upstream("a") + route("a", "methods=['GET','PUT']\nheaders={X-A='1',y='2'}\n") +
               route("a", "match='prefix'\nmethods=['PUT','GET']\nheaders={Y='2',x-a='1'}\n")) ==
        "10:1 duplicate route[1]");
}

TEST_CASE("a route says one thing, and writes no header that is not its own") {
  const std::string start = head + upstream("a");
  CHECK(faults(start + route("a", "host='h'\nhosts=['i']\n")) == "9:7 contradiction route[0].hosts");
  CHECK(faults(start + route("a") + "[[route]]\npath='/x'\n") == "8:1 no-target route[1].upstream");
  CHECK(faults(start + route("a", "redirect={target='/x'}\n")) == "8:10 contradiction route[0].redirect");
  CHECK(faults(start + route("a") + "[[route]]\npath='/x'\nredirect={target='/y'}\nread_timeout='1s'\n") ==
        "11:14 contradiction route[1].read_timeout");
  CHECK(faults(start + route("a", "strip_prefix=true\nrewrite='/'\n")) == "8:14 contradiction route[0].strip_prefix");
  CHECK(faults(start + route("a", "strip_prefix=false\nrewrite='/'\n")) == "");
  CHECK(faults(start + route("a", "rewrite='/a/..'\n")) == "8:9 dot-segment route[0].rewrite");
  CHECK(faults(start + route("a", "rewrite='/a/...'\n")) == "");
  CHECK(faults(start + route("a", "methods=['GET','GET']\n")) == "8:16 duplicate route[0].methods[1]");
  CHECK(faults(start + route("a", "read_timeout='25h'\n")) == "8:14 out-of-range route[0].read_timeout");
  const std::string two = start + upstream("b");
  CHECK(faults(two + route("a", "canary={upstream='b',percent=5,by='cookie:user'}\n")) == "");
  CHECK(faults(two + route("a", "canary={upstream='a',percent=5}\n")) ==
        "11:18 contradiction route[0].canary.upstream; 7:6 warning unused-upstream upstream[1]");
  CHECK(faults(two + route("a",
                           "canary={upstream='b',percent=5,by='header:X-User'}\n"
                           "request_headers={remove=['x-user']}\n")) == "11:35 contradiction route[0].canary.by");
  CHECK(faults(two + route("a",
                           "canary={upstream='b',percent=5,by='cookie:X-User'}\n"
                           "request_headers={set={X-User='1'},add={Cookie='a=b'}}\n")) ==
        "11:35 contradiction route[0].canary.by");
  CHECK(faults(two + route("a", "canary={upstream='c',percent=5}\n")) ==
        "11:18 unknown-upstream route[0].canary.upstream; 7:6 warning unused-upstream upstream[1]");
  CHECK(faults(two + route("a") + "[[route]]\npath='/x'\nredirect={target='/y'}\ncanary={upstream='b',percent=5}\n") ==
        "14:8 contradiction route[1].canary");
  CHECK(faults(start + route("a", "rate_limit={requests=5,per='1m',burst=2,by='route'}\n")) == "");
  CHECK(faults(start + route("a", "rate_limit={requests=5,per='25h'}\n")) ==
        "8:28 out-of-range route[0].rate_limit.per");
  CHECK(faults(start + route("a", "obey_x_accel=['buffering','limit-rate']\nupgrades=['tcp','X/1','WebSocket']\n")) ==
        "");
  CHECK(faults(start + route("a", "obey_x_accel=['buffering','buffering']\n")) ==
        "8:27 duplicate route[0].obey_x_accel[1]");
  CHECK(faults(start + route("a", "obey_x_accel=['redirect']\n")) == "8:15 not-a-choice route[0].obey_x_accel[0]");
  CHECK(faults(start + route("a", "upgrades=['tcp','TCP']\n")) == "8:17 duplicate route[0].upgrades[1]");
  for (const char* name : {"h2c", "H2C", "h2", "h3", "HTTP", "http/1.1", "HTTP/2.0", "TLS", "tls/1.0"})
    CHECK_MESSAGE(faults(start + route("a", "upgrades=['tcp','" + std::string(name) + "']\n")) ==
                      "8:17 upgrade-tunnel route[0].upgrades[1]",
                  name);
  CHECK(faults(start + route("a") + "[[route]]\npath='/x'\nredirect={target='/y'}\nupgrades=['tcp']\n") ==
        "11:10 contradiction route[1].upgrades");
  for (const char* name : {"Host", "X-Real-IP", "x-forwarded-for", "X-Forwarded-Proto", "Connection", "Keep-Alive",
                           "Content-Length", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Connection",
                           "Proxy-Authorization", "Proxy-Features", "Forwarded"})
    for (const std::string edits : {"set", "add"})
      CHECK_MESSAGE(faults(start + route("a", "request_headers={" + edits + "={" + name + "='1'}}\n")) ==
                        "8:" + std::to_string(24 + std::string(name).size()) +
                            " kept-header route[0].request_headers." + edits + "." + name,
                    name);
  CHECK(faults(start + route("a", "response_headers={remove=['Server']}\n")) ==
        "8:27 kept-header route[0].response_headers.remove[0]");
  CHECK(faults(start + route("a", "response_headers={set={X-Real-IP='1',Host='2'}}\n")) == "");
  CHECK(faults(start + route("a", "request_headers={set={X-A='1'},add={x-a='2'}}\n")) ==
        "8:41 duplicate route[0].request_headers.add.x-a");
}

TEST_CASE("upstreams have names of their own, and servers that are there") {
  CHECK(faults(head + upstream("a") + upstream("a") + route("a")) == "7:6 duplicate upstream[1].name");
  CHECK(faults(head + upstream("a", "{address='10.0.0.1:80'},{address='10.0.0.1:80'}") + route("a")) ==
        "5:42 duplicate upstream[0].server[1].address");
  CHECK(faults(head + upstream("a", "{address='10.0.0.1:80',backup=true}") + route("a")) ==
        "4:6 warning only-backups upstream[0]");
}

TEST_CASE("an upstream without servers is told that, and not that it has only backups") {
  CHECK(faults(head + upstream("a", "") + route("a")) == "5:8 too-few upstream[0].server");
}

TEST_CASE("one IPv6 address written in two ways is one server") {
  CHECK(faults(head + upstream("a", "{address='[::1]:80'},{address='[0:0:0:0:0:0:0:1]:80'}") + route("a")) ==
        "5:39 duplicate upstream[0].server[1].address");
  CHECK(faults(head + upstream("a", "{address='[2001:DB8::1]:80'},{address='[2001:db8::1]:80'}") + route("a")) != "");
}

TEST_CASE("addresses that no server and no listener can have are refused") {
  for (const char* bad :
       {"256.0.0.1:80", "01.2.3.4:80", "0.0.0.0:80", "0.1.2.3:80", "[::]:80", "224.0.0.1:80", "255.255.255.255:80",
        "[ff02::1]:80", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1", "a:80", "[::1%lo]:80", "[1:2:3]:80", "unix:/x",
        "[:::]:80", "10.0.0.1:080", "1.2.3:80", "[::ffff:1.2.3.400]:80"})
    CHECK_MESSAGE(faults(head + upstream("a", "{address='" + std::string(bad) + "'}") + route("a")) != "",
                  std::string(bad));
  for (const char* good :
       {"127.0.0.1:1", "169.254.1.1:80", "[::1]:65535", "[2001:db8::1]:80", "[::ffff:10.0.0.1]:80", "240.0.0.1:80"})
    CHECK_MESSAGE(server_address_fault(good) == "", std::string(good));
  for (const char* bad : {"1.2.3.256", "[::1", "[g::]", "1.2.3"})
    CHECK_MESSAGE(faults(head + "[[listener]]\nport=8080\naddress='" + bad + "'\n") != "2:8 warning no-route route",
                  std::string(bad));
}

TEST_CASE("the listeners of one instance do not collide, whatever stands first") {
  const auto two = [](const std::string& a, const std::string& b) {
    return faults(head + upstream("a") + route("a") + "[[listener]]\nport=8080\naddress='" + a +
                  "'\n[[listener]]\nport=8080\naddress='" + b + "'\n");
  };
  CHECK(two("10.0.0.1", "10.0.0.2") == "");
  CHECK(two("0.0.0.0", "[::]") == "");
  CHECK(two("0.0.0.0", "[::1]") == "");
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"10.0.0.1", "10.0.0.1"},
                                                                             {"0.0.0.0", "10.0.0.1"},
                                                                             {"[::]", "[::1]"},
                                                                             {"0.0.0.0", "0.0.0.0"},
                                                                             {"[::]", "[0:0:0:0:0:0:0:0]"}}) {
    CHECK(two(a, b) == "12:6 duplicate listener[1]");
    CHECK(two(b, a) == "12:6 duplicate listener[1]");
  }
  CHECK(faults(head + upstream("a") + route("a") + "[[listener]]\nport=9\n") == "8:1 warning port-not-served listener");
}

TEST_CASE("one IPv6 address written in two ways is one listener") {
  CHECK(conflicts({"[::1]", "[0::1]"}) == 1);
  CHECK(faults(head + upstream("a") + route("a") +
               "[[listener]]\nport=8080\naddress='[::1]'\n[[listener]]\nport=8080\naddress='[0::1]'\n") ==
        "12:6 duplicate listener[1]");
}

TEST_CASE("instances on one host do not collide, in any order") {
  CHECK(conflicts({"10.0.0.1", "10.0.0.2", "[::1]"}) == 0);
  CHECK(conflicts({"0.0.0.0", "[::]"}) == 0);
  for (std::vector<std::string> all : std::vector<std::vector<std::string>>{{"10.0.0.1", "10.0.0.1"},
                                                                            {"0.0.0.0", "10.0.0.1"},
                                                                            {"[::]", "[::1]"},
                                                                            {"[::]", "[0::0]"},
                                                                            {"0.0.0.0", "0.0.0.0"}}) {
    CHECK(conflicts(all) == 1);
    std::reverse(all.begin(), all.end());
    CHECK(conflicts(all) == 1);
  }
  std::vector<std::string> mixed = {"10.0.0.1", "10.0.0.2", "0.0.0.0", "[::1]"};
  std::sort(mixed.begin(), mixed.end());
  do CHECK(conflicts(mixed) >= 1);
  while (std::next_permutation(mixed.begin(), mixed.end()));
}

TEST_CASE("names are unique among all manifests, and so is env_module_seq") {
  const auto together = [](const std::string& a, const std::string& b) {
    std::string out;
    for (const Diagnostic& d : on_one_host({instance_of(object({{"kind", "Instance"}, {"name", a}})),
                                            instance_of(object({{"kind", "Instance"}, {"name", b}}))}))
      out += d.code + " " + d.field + ";";
    return out;
  };
  CHECK(together("prd_a_001_80", "prd_a_002_81") == "");
  CHECK(together("prd_a_001_80", "prd_a_001_80") == "duplicate-name name;");
  CHECK(together("prd_a_001_80", "prd_a_001_81") == "duplicate-name name;");
  CHECK(together("prd_a_001_80", "prd_a_002_80") == "port-conflict listener;");
}

TEST_CASE("two instances never share a tree, and no tree stands inside another") {
  const auto together = [](const std::string& a, const std::string& b) {
    return on_one_host({instance_of(object({{"kind", "Instance"}, {"name", "prd_a_001_80"}, {"layout", a}})),
                        instance_of(object({{"kind", "Instance"}, {"name", "prd_a_002_81"}, {"layout", b}}))})
        .size();
  };
  CHECK(together("{env}_{module}", "{env}_{module}") == 1);
  CHECK(together("x", "x/y") == 1);
}

TEST_CASE("durations beyond a day are refused wherever they stand") {
  CHECK(faults(head + "[nginx]\nworker_shutdown_timeout='25h'\n") ==
        "4:25 out-of-range nginx.worker_shutdown_timeout; 2:8 warning no-route route");
  CHECK(faults(head + upstream("a") + "read_timeout='86401s'\n" + route("a")) ==
        "6:14 out-of-range upstream[0].read_timeout");
  CHECK(faults(head + upstream("a") + "[upstream.health]\ntype='tcp'\ninterval='24h'\n" + route("a")) == "");
}

// nginx refuses it when the tree is checked, long after `validate` said that all is well.
TEST_CASE("a size that overflows nginx's own number is refused") {
  CHECK(faults(head + "[nginx]\nclient_max_body_size='99999999999g'\n") != "2:8 warning no-route route");
}

TEST_CASE("a Fleet's defaults lie under an instance's own words") {
  Diagnostics found;
  const auto manifest = read_manifest({"fleet.toml",
                                       "kind='Fleet'\nenvs=['blue']\nmodules=['shop']\n[defaults]\nlayout='{module}'"
                                       "\nlabels={team='x',tier='edge'}\nnginx={keepalive=7,worker_processes=3}\n"},
                                      found);
  REQUIRE(manifest.has_value());
  const auto fleet = make_fleet(*manifest, found);
  REQUIRE(fleet.has_value());
  const auto instance =
      read_instance("kind='Instance'\nname='blue_shop_001_80'\nlabels={tier='core'}\nnginx={keepalive=9}\n", found,
                    "m.toml", &*fleet);
  REQUIRE_MESSAGE(instance.has_value(), all_texts(found));
  CHECK(to_json(instance->spec.at("labels")) == R"({"team":"x","tier":"core"})");
  CHECK(instance->spec.at("nginx").at("keepalive").as_int() == 9);
  CHECK(instance->spec.at("nginx").at("worker_processes").as_int() == 3);
  CHECK(instance->spec.at("layout").as_string() == "{module}");
  CHECK(faults("kind='Instance'\nname='prd_shop_001_80'\n", &*fleet).substr(0, 18) == "2:7 bad-name name;");
}

TEST_CASE("a Fleet's defaults are checked as an instance's, at their own place") {
  const auto fleet_faults = [](const std::string& text) {
    Diagnostics found;
    const auto manifest = read_manifest({"fleet.toml", text}, found);
    const auto fleet = manifest ? make_fleet(*manifest, found) : std::nullopt;
    CHECK(fleet.has_value() == found.empty());
    std::string out;
    for (const Diagnostic& d : found)
      out += std::to_string(d.place.line) + ":" + std::to_string(d.place.col) + " " + d.code + " " + d.field + ";";
    return out;
  };
  CHECK(fleet_faults("kind='Fleet'\n") == "");
  CHECK(fleet_faults("kind='Fleet'\nenvs=[]\n") == "2:6 too-few envs;");
  CHECK(fleet_faults("kind='Fleet'\nenvs=['P']\n") == "2:7 bad-value envs[0];");
  CHECK(fleet_faults("kind='Fleet'\n[defaults.nginx]\nkeepalive=0\n") == "3:11 out-of-range defaults.nginx.keepalive;");
  CHECK(fleet_faults("kind='Fleet'\n[defaults]\nlayout='../x'\nlabels.A='x'\n") ==
        "3:8 bad-value defaults.layout;4:8 bad-value defaults.labels.A;");
  CHECK(fleet_faults("kind='Fleet'\n[defaults]\nupstream=[]\n") == "3:1 unknown-field defaults.upstream;");
}
