#include <doctest/doctest.h>

#include "model/config.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// The policy that `lines` under [policy] make.
Policy policy_of(const std::string& lines) {
  const Config config = read_config({{{"config.toml", "[policy]\n" + lines}}}, Policy::Risk::high, "config.toml");
  REQUIRE_MESSAGE(config.found.empty(), all_texts(config.found));
  return config.policy;
}

size_t refused = 0, allowed = 0;  // tried so far

void expect_refused(const std::vector<std::string>& addresses, const Policy& policy = {}) {
  refused += addresses.size();
  for (const std::string& address : addresses)
    CHECK_MESSAGE(refuse_address(address, policy).has_value(), "not refused: " << address);
}

void expect_allowed(const std::vector<std::string>& addresses, const Policy& policy = {}) {
  allowed += addresses.size();
  for (const std::string& address : addresses) {
    const auto refusal = refuse_address(address, policy);
    CHECK_MESSAGE(!refusal.has_value(), address << " " << (refusal ? refusal->text : ""));
  }
}

/// Every spelling of one IPv4 address within IPv6 that a translator, a tunnel or an old stack would follow to it.
std::vector<std::string> disguises(const std::string& hex1, const std::string& hex2, const std::string& dotted) {
  const std::string v4 = hex1 + ":" + hex2;
  return {"[::ffff:" + dotted + "]:80",
          "[::ffff:" + v4 + "]:80",
          "[0:0:0:0:0:FFFF:" + v4 + "]:80",
          "[0000:0000:0000:0000:0000:ffff:" + v4 + "]:80",
          "[::" + dotted + "]:80",
          "[::" + v4 + "]:80",
          "[64:ff9b::" + dotted + "]:80",
          "[64:ff9b::" + v4 + "]:80",
          "[0064:FF9B:0:0:0:0:" + v4 + "]:80",
          "[64:ff9b:1::" + v4 + "]:80",
          "[64:ff9b:1:ffff::" + v4 + "]:80",
          "[2002:" + v4 + "::]:80",
          "[2002:" + v4 + "::1]:80",
          "[2002:" + v4 + ":1:2:3:4:5]:80",
          "[2001:db8::5efe:" + dotted + "]:80",
          "[2001:db8::200:5efe:" + v4 + "]:80",
          "[2001:0:" + v4 + "::1]:80"};
}

}  // namespace

TEST_CASE("S8: spellings of the metadata service and of loopback that are no plain addresses are refused") {
  const std::vector<std::string> odd = {
      // decimal, hexadecimal, octal, short and mixed forms of inet_aton
      "2852039166:80", "0xa9fea9fe:80", "0xA9FEA9FE:80", "025177524776:80", "0251.0376.0251.0376:80",
      "0xa9.0xfe.0xa9.0xfe:80", "0xa9.254.0251.254:80", "169.254.43518:80", "169.16689662:80", "169.254.169:80",
      "169.254.169.254.:80", ".169.254.169.254:80", "169.254.169.0254:80", "0169.254.169.254:80",
      "169.254.169.254.1:80", "169..169.254:80", "169.254.169.:80", "+169.254.169.254:80", "-1.254.169.254:80",
      " 169.254.169.254:80", "169.254.169.254 :80", "169.254.169.254\t:80", "169.254.169.254\n:80",
      std::string("169.254.169.254\0:80", 19), std::string("10.0.0.1\0.evil:80", 17), "169.254.169.256:80",
      "425.510.425.510:80", "2130706433:80", "0x7f000001:80", "017700000001:80", "127.1:80", "127.0.1:80", "0:80",
      "0x0:80", "00000000177.1:80", "127.000.000.001:80", "127.0.0.01:80", "127.0.0.1.:80",
      // percent, full-width and other digits; user info; schemes; paths
      "169.254.169.%32%35%34:80", "%31%36%39.254.169.254:80", "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1:80",
      "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1:80",
      "127\xe3\x80\x82"
      "0.0.1:80",
      "10.0.0.1@169.254.169.254:80", "http://169.254.169.254:80", "//169.254.169.254:80",
      "10.0.0.1:80/169.254.169.254:80", "10.0.0.1#:80", "10.0.0.1,169.254.169.254:80", "10.0.0.1 169.254.169.254:80",
      "10.0.0.1;:80", "10.0.0.1/8:80",
      // names, of which none is resolved
      "localhost:80", "LOCALHOST:80", "localhost.:80", "metadata.google.internal:80", "metadata:80",
      "10.0.0.1.nip.io:80", "169.254.169.254.nip.io:80", "example.com:80", "a:80", "*:80", "xn--.com:80", "$host:80",
      "${host}:80", "$(id):80",
      // unix sockets
      "unix:/run/etcd.sock", "unix:/run/etcd.sock:80", "unix:80", "UNIX:/x:80", "/run/etcd.sock:80", "unix:@x:80",
      "unix:\\0x:80",
      // brackets and zones
      "::1:80", "[::1:80", "::1]:80", "[[::1]]:80", "[]:80", "[:]:80", "[:::]:80", "[::1]", "[::1]80", "[ ::1]:80",
      "[127.0.0.1]:80", "[fe80::1%eth0]:80", "[fe80::1%1]:80", "[fe80::1%25eth0]:80", "[::1%lo]:80", "[::1%]:80",
      "[::1/128]:80", "[1::2::3]:80", "[12345::]:80", "[::g]:80", "[v1.fe80::a]:80", "[::ffff:169.254.169]:80",
      "[::ffff:0251.0376.0251.0376]:80", "[::ffff:0xa9fea9fe]:80", "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80",
      // ports
      "10.0.0.1:0", "10.0.0.1:00", "10.0.0.1:080", "10.0.0.1:65536", "10.0.0.1:99999999999", "10.0.0.1:-1",
      "10.0.0.1:+80", "10.0.0.1:0x50", "10.0.0.1:", "10.0.0.1", "10.0.0.1: 80", "10.0.0.1:80 ", "10.0.0.1:80:80",
      "10.0.0.1:http", "10.0.0.1:8\xef\xbc\x90", ":80", ":", ""};
  CHECK(odd.size() >= 60);
  expect_refused(odd);
  expect_refused(odd, policy_of("allow_upstreams = ['any', '0.0.0.0/0', '169.254.0.0/16', 'loopback']"));
}

TEST_CASE("S8: plain addresses where no server of anybody is are refused") {
  expect_refused({"169.254.169.254:80",
                  "169.254.170.2:80",
                  "169.254.0.1:80",
                  "169.254.255.255:65535",
                  "100.100.100.200:80",
                  "168.63.129.16:80",
                  "192.0.0.192:80",
                  "[fd00:ec2::254]:80",
                  "[FD00:0EC2:0:0:0:0:0:0254]:80",
                  "[fd20:ce::254]:80",
                  "[fe80::1]:80",
                  "[febf:ffff::1]:80",
                  "[fec0::1]:80",
                  "224.0.0.1:80",
                  "239.255.255.255:80",
                  "[ff02::1]:80",
                  "[ff0e::1]:80",
                  "0.0.0.0:80",
                  "0.1.2.3:80",
                  "255.255.255.255:80",
                  "240.0.0.1:80",
                  "254.1.1.1:80",
                  "[::]:80",
                  "[0:0:0:0:0:0:0:0]:80",
                  "[::2]:80",
                  "[::7f00:1]:80"});
}

TEST_CASE("S8: what is refused is refused in every disguise") {
  expect_refused(disguises("a9fe", "a9fe", "169.254.169.254"));
  expect_refused(disguises("6464", "64c8", "100.100.100.200"));
  expect_refused(disguises("e000", "1", "224.0.0.1"));
  expect_refused(disguises("1", "203", "0.1.2.3"));
  const Policy loopback = policy_of("deny_upstreams = ['loopback']");
  expect_refused(disguises("7f00", "1", "127.0.0.1"), loopback);
  expect_refused({"127.0.0.1:80", "127.255.1.2:80", "[::1]:80", "[0:0:0:0:0:0:0:1]:80"}, loopback);
  expect_refused(disguises("a01", "203", "10.1.2.3"), policy_of("deny_upstreams = ['10.1.0.0/16']"));
  // a tunnel to loopback is nobody's server, also where loopback itself is allowed
  expect_refused({"[64:ff9b::127.0.0.1]:80", "[2002:7f00:1::]:80", "[2001:db8::5efe:127.0.0.1]:80"});
}

TEST_CASE("addresses of servers are allowed") {
  expect_allowed({"10.0.0.1:80",
                  "172.16.3.4:1",
                  "192.168.1.1:65535",
                  "127.0.0.1:8080",
                  "127.1.2.3:80",
                  "[::1]:80",
                  "8.8.8.8:53",
                  "100.64.0.1:80",
                  "100.100.100.199:80",
                  "168.63.129.17:80",
                  "169.253.1.1:80",
                  "169.255.1.1:80",
                  "223.255.255.255:80",
                  "[2001:db8::1]:80",
                  "[2001:DB8:0:0::1]:80",
                  "[fd00::1]:80",
                  "[fd00:ec2::253]:80",
                  "[2606:4700::1111]:443",
                  "[::ffff:10.0.0.1]:80",
                  "[64:ff9b::10.0.0.1]:80",
                  "[2002:a00:1::1]:80",
                  "[2001:db8::5efe:10.0.0.1]:80",
                  "1.2.3.4:80"});
}

TEST_CASE("the smallest network that holds an address decides; of equal ones the configuration's, and deny") {
  const Policy lifted = policy_of("allow_upstreams = ['169.254.0.0/16', 'fe80::/64']");
  expect_allowed({"169.254.1.1:80", "[fe80::1]:80", "[::ffff:169.254.1.1]:80"}, lifted);
  expect_refused({"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[fe80:0:0:1::1]:80"}, lifted);
  expect_allowed({"169.254.169.254:80"}, policy_of("allow_upstreams = ['169.254.169.254']"));
  expect_allowed({"[64:ff9b::a9fe:a9fe]:80"}, policy_of("allow_upstreams = ['64:ff9b::a9fe:a9fe']"));
  expect_refused({"[64:ff9b::a9fe:a9fe]:80"}, policy_of("allow_upstreams = ['64:ff9b::/96', 'any', '::/0']"));

  const Policy fenced = policy_of("deny_upstreams = ['any']\nallow_upstreams = ['10.1.0.0/16', '2001:db8::/32']");
  expect_allowed({"10.1.2.3:80", "[2001:db8::1]:80"}, fenced);
  expect_refused({"10.2.0.1:80", "127.0.0.1:80", "[::1]:80", "8.8.8.8:80", "[2001:db9::1]:80", "169.254.169.254:80"},
                 fenced);

  const Policy nested = policy_of("deny_upstreams = ['10.0.0.0/8', '10.1.2.0/24']\nallow_upstreams = ['10.1.0.0/16']");
  expect_allowed({"10.1.3.1:80"}, nested);
  expect_refused({"10.1.2.1:80", "10.2.0.1:80"}, nested);
  expect_refused({"10.0.0.1:80"}, policy_of("deny_upstreams = ['10.0.0.1']\nallow_upstreams = ['10.0.0.1']"));
}

TEST_CASE("S8: how many were tried") {
  MESSAGE("S8: " << refused << " hostile addresses and " << allowed << " good ones tried");
}

TEST_CASE("a refusal says why and which key lifts it") {
  const auto metadata = refuse_address("169.254.169.254:80", {});
  CHECK(metadata->text == "is a cloud's metadata service");
  CHECK(metadata->hint ==
        "if that is meant: allow_upstreams = [\"169.254.169.254\"] under [policy] in /etc/orctl/config.toml");
  CHECK(refuse_address("[64:ff9b::a9fe:a9fe]:80", {})->text ==
        "leads to 169.254.169.254, which is a cloud's metadata service");
  const Policy policy = policy_of("deny_upstreams = ['loopback', '10.0.0.9']");
  CHECK(refuse_address("127.0.0.1:80", policy)->text == "is in \"loopback\" of deny_upstreams (config.toml:2)");
  CHECK(refuse_address("10.0.0.9:80", policy)->hint == "take it out of deny_upstreams in config.toml");
}

TEST_CASE("every place of an instance that the policy refuses is told, in its manifest") {
  Diagnostics found;
  const auto instance = read_instance(R"(kind = "Instance"
name = "prd_a_001_8080"
files = "a/"
source = { type = "redis", host = "169.254.1.1", port = 6379, key = "k" }
[[upstream]]
name = "a"
server = [{ address = "10.0.0.1:80" }, { address = "169.254.169.254:80" }]
health = { type = "lua", module = "m", interval = "1s", timeout = "1s" }
)",
                                      found);
  REQUIRE_MESSAGE(instance.has_value(), all_texts(found));
  const Tree overlay = {{"http.d/a.conf", {"", 0644}}, {"lua/m.lua", {"", 0644}}, {"certs/a.pem", {"", 0644}}};
  std::string told;
  Policy policy;
  policy.risk = Policy::Risk::low;
  for (const Diagnostic& d : check_policy(*instance, overlay, policy))
    told += std::to_string(d.place.line) + ":" + std::to_string(d.place.col) + " " + d.code + " " + d.field + "\n";
  CHECK(told ==
        "4:35 policy-address source.host\n4:35 policy-source source.host\n"
        "7:52 policy-address upstream[0].server[1].address\n"
        "3:9 policy-risk files\n8:35 policy-risk upstream[0].health.module\n");
  policy.risk = Policy::Risk::high;
  CHECK(check_policy(*instance, overlay, policy).size() == 3);
}
