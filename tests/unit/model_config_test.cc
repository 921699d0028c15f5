#include <doctest/doctest.h>

#include "model/config.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Config config_of(const std::string& host, const std::string& user = "") {
  std::vector<ConfigFile> files = {{{"host.toml", host}, Reach::host}};
  if (!user.empty()) files.push_back({{"user.toml", user}, Reach::user});
  return read_config(files, Policy::Risk::low, "host.toml");
}

std::string faults(const Config& config) {
  std::string out;
  for (const Diagnostic& d : config.found)
    out += (out.empty() ? "" : "; ") + d.file + ":" + std::to_string(d.place.line) + ":" + std::to_string(d.place.col) +
           " " + d.code + " " + d.field;
  return out;
}

std::string value_of(const Config& config, const std::string& key) {
  for (const Setting& s : config.all())
    if (s.key == key) return to_json(s.value) + " " + s.origin;
  return "no such key";
}

}  // namespace

TEST_CASE("without a file every key has its default") {
  const Config config = config_of("");
  CHECK(config.found.empty());
  CHECK(value_of(config, "color") == "\"auto\" default");
  CHECK(value_of(config, "output") == "null default");
  CHECK(value_of(config, "policy.risk") == "\"low\" default");
  CHECK(value_of(config, "policy.deny_upstreams") == "[] default");
}

TEST_CASE("a user's word comes before the host's, in what concerns nobody else") {
  const Config config = config_of("color = 'never'\nlock_timeout = '1m'\n", "# mine\ncolor = 'always'\n");
  CHECK(value_of(config, "color") == "\"always\" user.toml:2");
  CHECK(value_of(config, "lock_timeout") == "\"1m\" host.toml:2");
  CHECK(faults(config_of("", "supervisor = 'process'\n[policy]\nrisk = 'high'\n")) ==
        "user.toml:1:1 host-only supervisor; user.toml:2:2 host-only policy");
  CHECK(faults(config_of("", "nginx_binary = '/tmp/nginx'\n")) == "user.toml:1:1 host-only nginx_binary");
}

TEST_CASE("every fault of the configuration has its place") {
  CHECK(faults(config_of("colour = 'auto'\n[policy]\nrisky = 1\nrisk = 'mid'\n")) ==
        "host.toml:1:1 unknown-field colour; host.toml:3:1 unknown-field policy.risky; "
        "host.toml:4:8 not-a-choice policy.risk");
  CHECK(faults(config_of("lock_timeout = 5\n")) == "host.toml:1:16 wrong-type lock_timeout");
  CHECK(faults(config_of("lock_timeout = '9999999h'\n")) == "host.toml:1:16 out-of-range lock_timeout");
  CHECK(faults(config_of("lock_timeout = \n")) == "host.toml:1:16 syntax ");
  CHECK(faults(config_of("color = 'auto'\ncolor = 'auto'\n")).find("syntax") != std::string::npos);
  CHECK(faults(config_of("nginx_binary = 'nginx'\n")) == "host.toml:1:16 bad-value nginx_binary");
}

TEST_CASE("a network is CIDR, an address or a word, and nothing else") {
  const auto fault_of = [](const std::string& network) {
    const Config config = config_of("[policy]\nallow_upstreams = ['10.0.0.0/8', '" + network + "']\n");
    return config.found.empty() ? "" : config.found[0].text + " " + config.found[0].hint;
  };
  for (const char* good : {"0.0.0.0/0", "::/0", "10.0.0.1", "10.0.0.1/32", "::1", "2001:db8::/32", "loopback", "any"})
    CHECK_MESSAGE(fault_of(good) == "", good);
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/8", "::/129",
                          "[::1]", "[::1]/128", "010.0.0.0/8", "10.0.0.0/255.0.0.0", "example.com", "ANY", "fe80::1%lo",
                          "10.0.0.0 /8", "0x0a000000/8", "10.0.0.0-10.0.0.9"})
    CHECK_MESSAGE(fault_of(bad) != "", bad);
  CHECK(fault_of("10.1.2.3/8") == "\"10.1.2.3/8\" has bits behind its prefix did you mean \"10.0.0.0/8\"?");
  CHECK(fault_of("2001:db8::1/32") == "\"2001:db8::1/32\" has bits behind its prefix did you mean \"2001:db8::/32\"?");
  CHECK(faults(config_of("[policy]\ndeny_upstreams = ['any', 'x']\n")) ==
        "host.toml:2:26 bad-network policy.deny_upstreams[1]");
}

TEST_CASE("who may skip guards: nobody said, nobody may, some may") {
  CHECK(!config_of("").policy.may_skip_guards.has_value());
  CHECK(config_of("[policy]\nmay_skip_guards = []\n").policy.may_skip_guards->empty());
  CHECK(config_of("[policy]\nmay_skip_guards = ['alice', 'or-x$']\n").policy.may_skip_guards->size() == 2);
  CHECK(faults(config_of("[policy]\nmay_skip_guards = ['a b']\n")) ==
        "host.toml:2:20 bad-value policy.may_skip_guards[0]");
}
