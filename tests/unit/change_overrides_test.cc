#include <doctest/doctest.h>

#include "change/promote.h"
#include "gateway/overrides.h"

using namespace orctl;

namespace {

Value object(Value::Object members) { return Value(std::move(members)); }
const Value none = object({});

OverrideChange state(const std::string& word, const std::string& reason = {}, const std::string& lasts = {}) {
  OverrideChange change;
  change.state = word;
  change.reason = reason;
  change.lasts = lasts;
  return change;
}

struct Server {
  std::string address;
  int weight = 1;
  bool backup = false;
};

Value servers_of(const std::vector<Server>& servers) {
  Value all = Value::array();
  for (const Server& s : servers)
    all.push(object({{"address", s.address}, {"weight", s.weight}, {"backup", s.backup}}));
  return all;
}

Override override_of(const std::string& address, Value item) { return {{"i", "a", address}, std::move(item)}; }

/// The edits that promote overrides of upstream "a" of a manifest, in one line; `told` is what the gateway has beside.
std::string promoted(const std::vector<Override>& overrides, const std::vector<Server>& manifest,
                     const std::vector<Override>& standing = {}, const std::vector<Server>& told = {}) {
  Value spec = object({}), upstreams = Value::array(), served = Value::array();
  upstreams.push(object({{"name", "a"}, {"server", servers_of(manifest)}}));
  spec.set("upstream", upstreams);
  served.push(object({{"name", "a"}, {"servers", servers_of(told)}}));
  try {
    std::string line;
    for (const ServerEdit& edit : promoted_edits({"i", overrides, standing, served.items()}, spec).edits) {
      const char* kinds[] = {"set ", "add ", "remove "};
      line += (line.empty() ? "" : "; ") + std::string(kinds[static_cast<int>(edit.kind)]) + edit.address;
      if (const Value* weight = edit.server.find("weight")) line += " " + to_json(*weight);
      if (edit.server.find("backup") != nullptr) line += " backup";
    }
    return line;
  } catch (const Error& e) {
    return e.exit() == Exit::refused ? "refused" : e.exit() == Exit::conflict ? "conflict" : "another error";
  }
}

}  // namespace

TEST_CASE("a state is made when it stands there with the reason that is asked for") {
  const Value drained = object({{"state", "drain"}, {"reason", "disk"}});
  CHECK(is_made(state("drain"), none, drained));
  CHECK(is_made(state("drain", "disk"), none, drained));
  CHECK_FALSE(is_made(state("drain", "fan"), none, drained));
  CHECK_FALSE(is_made(state("maint"), none, drained));
  CHECK_FALSE(is_made(state("drain"), none, none));
  CHECK(is_made(state("ready"), none, none));
  CHECK(is_made(state("ready"), none, object({{"weight", 5}})));
  CHECK_FALSE(is_made(state("ready"), none, drained));
}

TEST_CASE("an end is the same while less than a fiftieth of it has passed") {
  const auto made = [](int left) {
    return is_made(state("drain", "", "30m"), none, object({{"state", "drain"}, {"expires_in", left}}));
  };
  CHECK(made(1800));
  CHECK(made(1764));
  CHECK_FALSE(made(1763));
  CHECK_FALSE(made(3600));
  CHECK_FALSE(is_made(state("drain", "", "30m"), none, object({{"state", "drain"}})));
  CHECK(is_made(state("drain"), none, object({{"state", "drain"}, {"expires_in", 60}})));
}

TEST_CASE("a weight is made as it was asked for: a number is no share") {
  OverrideChange change;
  change.weight = Value("50%");
  CHECK(is_made(change, none, object({{"weight", "50%"}})));
  CHECK_FALSE(is_made(change, none, object({{"weight", 50}})));
  CHECK_FALSE(is_made(change, none, none));
}

TEST_CASE("a server is added when it stands there as asked for") {
  OverrideChange change;
  change.add = AddedServer{2};
  const Value added = object({{"added", true}});
  CHECK(is_made(change, object({{"weight", 2}, {"backup", false}, {"state", "up"}}), added));
  CHECK_FALSE(is_made(change, object({{"weight", 3}, {"backup", false}}), added));
  CHECK_FALSE(is_made(change, object({{"weight", 2}, {"backup", false}}), none));
  CHECK_FALSE(is_made(change, Value(), none));
}

TEST_CASE("a weight whose document says it by now is not made") {
  OverrideChange change;
  change.weight = Value("50%");
  CHECK_FALSE(is_made(change, none, object({{"weight", "50%"}, {"superseded", true}})));
}

TEST_CASE("what a manifest can say is promoted, and the rest refused") {
  const std::vector<Server> two = {{"10.0.0.1:80", 4}, {"10.0.0.2:80", 1}};
  const auto of = [](Value item) { return override_of("10.0.0.1:80", std::move(item)); };
  CHECK(promoted({of(object({{"weight", "50%"}}))}, two) == "set 10.0.0.1:80 2");
  CHECK(promoted({of(object({{"weight", 9}}))}, two) == "set 10.0.0.1:80 9");
  CHECK(promoted({of(object({{"weight", "100%"}}))}, two).empty());
  CHECK(promoted({of(object({{"weight", "50%"}, {"superseded", true}}))}, two).empty());
  CHECK(promoted({of(object({{"removed", true}}))}, two) == "remove 10.0.0.1:80");
  CHECK(promoted({of(object({{"state", "drain"}, {"weight", 5}}))}, two) == "refused");
  CHECK(promoted({of(object({{"weight", 0}}))}, two) == "refused");
  CHECK(promoted({of(object({{"weight", "0%"}}))}, two) == "refused");
  CHECK(promoted({override_of("10.0.0.3:80", object({{"added", true}}))}, two, {}, {{"10.0.0.3:80", 7, true}}) ==
        "add 10.0.0.3:80 7 backup");
  CHECK(promoted({of(object({{"weight", 9}}))}, two, {}, {{"10.0.0.1:80", 5}}) == "conflict");
}

TEST_CASE("what is no whole weight is made one by scaling those beside it, and no share moves") {
  const std::string a = "10.0.0.1:80", b = "10.0.0.2:80", c = "10.0.0.3:80";
  const auto half = [&](const std::string& address) { return override_of(address, object({{"weight", "50%"}})); };
  CHECK(promoted({half(a)}, {{a, 1}, {b, 1}}) == "set 10.0.0.2:80 2");
  CHECK(promoted({half(a)}, {{a, 5}, {b, 3}, {c, 2}}) == "set 10.0.0.2:80 6; set 10.0.0.3:80 4");
  CHECK(promoted({half(a), half(b)}, {{a, 1}, {b, 1}}) == "");
  CHECK(promoted({override_of(a, object({{"weight", "1%"}}))}, {{a, 1}, {b, 1}}) == "set 10.0.0.2:80 100");
  CHECK(promoted({override_of(a, object({{"weight", "1%"}}))}, {{a, 1}, {b, 11}}) == "refused");
  CHECK(promoted({override_of(a, object({{"weight", "10%"}}))}, {{a, 500}, {b, 1000}}) == "set 10.0.0.1:80 50");
  // 333.5 and 1000: too large when doubled, and nothing smaller has the same shares
  CHECK(promoted({half(a)}, {{a, 667}, {b, 1000}}) == "refused");
  // 332.5 and 997.5: as 1 and 3
  CHECK(promoted({half(a), half(b)}, {{a, 665}, {b, 1995 / 3}}) == "");
  CHECK(promoted({half(a)}, {{a, 1}, {b, 1}, {c, 7, true}}) == "set 10.0.0.2:80 2");
  CHECK(promoted({half(c)}, {{a, 1}, {b, 1}, {c, 7, true}, {"10.0.0.4:80", 7, true}}) == "set 10.0.0.4:80 14");
}

TEST_CASE("an override that stays keeps its share, or nothing is promoted") {
  const std::string a = "10.0.0.1:80", b = "10.0.0.2:80";
  const auto with = [&](Value standing) {
    return promoted({override_of(a, object({{"weight", "50%"}}))}, {{a, 1}, {b, 1}},
                    {override_of(b, std::move(standing))});
  };
  CHECK(with(object({{"weight", "10%"}})) == "set 10.0.0.2:80 2");
  CHECK(with(object({{"state", "drain"}})) == "set 10.0.0.2:80 2");
  CHECK(with(object({{"weight", 3}})) == "refused");
  CHECK(with(object({{"added", true}})) == "refused");
}
