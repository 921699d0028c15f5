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

/// The edit that promotes an override of a server, in one line.
std::string promoted(const Value& item, const Value& server) {
  try {
    const ServerEdit edit = edit_of({{"i", "a", "10.0.0.1:80"}, item}, server);
    const char* kinds[] = {"set", "add", "remove"};
    return kinds[static_cast<int>(edit.kind)] + to_json(edit.server);
  } catch (const Error& e) {
    return e.exit() == Exit::refused ? "refused" : "another error";
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

TEST_CASE("what a manifest can say is promoted, and the rest refused") {
  const Value weighs = object({{"effective_weight", 2.5}, {"weight", 5}});
  CHECK(promoted(object({{"weight", "50%"}}), weighs) == R"(set{"weight":3})");
  CHECK(promoted(object({{"removed", true}}), weighs) == "remove{}");
  CHECK(promoted(object({{"added", true}}), object({{"effective_weight", 4}, {"backup", true}, {"max_conns", 9}})) ==
        R"(add{"address":"10.0.0.1:80","weight":4,"backup":true,"max_conns":9})");
  CHECK(promoted(object({{"state", "drain"}, {"weight", 5}}), weighs) == "refused");
  CHECK(promoted(object({{"weight", 0}}), object({{"effective_weight", 0}})) == "refused");
}
