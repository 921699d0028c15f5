#include <ctime>

#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

TEST_CASE("the clock tells the time, or the fixed one") {
  ::unsetenv("ORCTL_FIXED_TIME");
  const int64_t before = std::time(nullptr);
  CHECK(Clock().now() >= before);
  ::setenv("ORCTL_FIXED_TIME", "1700000000", 1);
  CHECK(Clock().now() == 1'700'000'000);
  ::setenv("ORCTL_FIXED_TIME", "yesterday", 1);
  CHECK(error_of([] { Clock().now(); }).exit() == Exit::usage);
  ::unsetenv("ORCTL_FIXED_TIME");
}

TEST_CASE("a deadline passes once and for all") {
  CHECK(Deadline::in(Millis(0)).passed());
  CHECK(Deadline::in(Millis(-5)).passed());
  CHECK_FALSE(Deadline::in(Millis::max()).passed());
  const Deadline soon = Deadline::in(Millis(20));
  CHECK(soon.left() <= Millis(20));
  Clock().pause(Millis(20));
  CHECK(soon.passed());
}

TEST_CASE("users and groups") {
  const Env env;
  CHECK(env.user_exists("root"));
  CHECK_FALSE(env.user_exists("no-such-user"));
  CHECK(env.group_of("root") == "root");
  CHECK(env.group_of("no-such-user").empty());
  CHECK(env.is_root() == (env.uid() == 0));
  CHECK_FALSE(env.host().empty());
  ::unsetenv("SUDO_USER");
  CHECK_FALSE(env.user().empty());
  ::setenv("SUDO_USER", "alice", 1);
  CHECK((env.user() == "alice") == env.is_root());
  ::unsetenv("SUDO_USER");
  CHECK(env.get("SUDO_USER").empty());
}
