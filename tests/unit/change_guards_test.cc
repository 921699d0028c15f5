#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change/guards.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Plan plan_of(Impact impact, bool is_new = false) {
  InstancePlan one;
  one.name = "a";
  if (!is_new) one.before.emplace();
  one.after.emplace();
  one.changes = {{Op::change, Whole::process, Value(), Value(), impact, ""}};
  return {{one}};
}

/// Standard input that is no terminal, whoever runs the tests.
class NoTerminal {
 public:
  NoTerminal() : kept_(::dup(STDIN_FILENO)) {
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::close(nothing);
  }
  ~NoTerminal() {
    ::dup2(kept_, STDIN_FILENO);
    ::close(kept_);
  }
  NoTerminal(const NoTerminal&) = delete;
  NoTerminal& operator=(const NoTerminal&) = delete;

 private:
  int kept_;
};

}  // namespace

TEST_CASE("a plan that disturbs more than allowed is refused, and the error names what would do") {
  const Error e = error_of([] { refuse_impact(plan_of(Impact::reload), Impact::hot); });
  CHECK(e.exit() == Exit::guard);
  CHECK(std::string(e.what()) == "a would need a reload, and --max-impact is hot; nothing was changed");
  CHECK(e.hint().ends_with("allow it with --max-impact reload"));
  CHECK(error_of([] { refuse_impact(plan_of(Impact::hot), Impact::none); }).exit() == Exit::guard);
  CHECK(error_of([] { refuse_impact(plan_of(Impact::restart), Impact::reload); }).exit() == Exit::guard);
}

TEST_CASE("neither a new instance nor what is allowed is refused, nor a start or stop that was asked for") {
  CHECK_NOTHROW(refuse_impact(plan_of(Impact::reload), Impact::reload));
  CHECK_NOTHROW(refuse_impact(plan_of(Impact::restart, true), Impact::none));
  CHECK_NOTHROW(refuse_impact(plan_of(Impact::start), Impact::none));
  CHECK_NOTHROW(refuse_impact(plan_of(Impact::stop), Impact::restart));
}

TEST_CASE("who may not skip a guard is the one whom the world names") {
  const Scratch scratch;
  const World world({}, scratch.path());
  Policy policy;
  policy.file = "config.toml";
  CHECK_NOTHROW(refuse_skipping({"--ignore-min-healthy"}, policy, world));
  policy.may_skip_guards.emplace();
  CHECK_NOTHROW(refuse_skipping({}, policy, world));
  const Error nobody = error_of([&] { refuse_skipping({"--ignore-min-healthy"}, policy, world); });
  CHECK(nobody.exit() == Exit::guard);
  CHECK(std::string(nobody.what()) ==
        "--ignore-min-healthy skips a guard, and " + world.env.user() + " may not; nothing was changed");
  policy.may_skip_guards = {"somebody-else"};
  CHECK(error_of([&] { refuse_skipping({"--max-impact"}, policy, world); }).hint() ==
        "somebody-else may; may_skip_guards under [policy] in config.toml says so");
  policy.may_skip_guards->push_back(world.env.user());
  CHECK_NOTHROW(refuse_skipping({"--max-impact"}, policy, world));
}

TEST_CASE("a host that wants to know why is told the flag that is missing, and takes only whole tickets") {
  Policy policy;
  policy.file = "config.toml";
  CHECK_NOTHROW(refuse_unexplained("", "", policy));
  policy.require_reason = true;
  CHECK(error_of([&] { refuse_unexplained(" \t", "OPS-1", policy); }).exit() == Exit::guard);
  CHECK_NOTHROW(refuse_unexplained("rest", "", policy));
  policy.require_ticket = "(OPS|NET)-[0-9]+";
  CHECK(std::string(error_of([&] { refuse_unexplained("rest", "", policy); }).what()) ==
        "the policy of this host requires --ticket; nothing was changed");
  for (const char* ticket : {"OPS-", "XOPS-1", "OPS-1x", "ops-1", "OPS-1\nOPS-2", "OPS-1 "})
    CHECK(error_of([&] { refuse_unexplained("rest", ticket, policy); }).exit() == Exit::guard);
  CHECK_NOTHROW(refuse_unexplained("rest", "NET-42", policy));
  CHECK(is_ticket_pattern(policy.require_ticket));
  for (const char* pattern : {"(", "[", "a{2,1}", "*)("}) CHECK_FALSE(is_ticket_pattern(pattern));
}

TEST_CASE("root writes into no folder that another could exchange; anybody else writes where he can") {
  const Scratch scratch;
  const World world({}, scratch.path());
  REQUIRE(::chmod(scratch.path().c_str(), 0777) == 0);
  const auto write = [&] { refuse_others_folder(scratch / "out", world); };
  if (!world.env.is_root()) return write();
  const Error e = error_of(write);
  CHECK(e.exit() == Exit::refused);
  CHECK(e.hint() == "chmod go-w " + scratch.path() + ", or choose another folder");
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  CHECK_NOTHROW(write());
}

TEST_CASE("nobody says yes where there is no terminal") {
  const NoTerminal none;
  const Scratch scratch;
  const World world({}, scratch.path());
  const Error e = error_of([&] { require_yes("Go on?", Error(Exit::guard, "not done", "say --yes"), world); });
  CHECK(e.exit() == Exit::guard);
  CHECK(std::string(e.what()) == "not done");
  CHECK(e.hint() == "say --yes");
}

TEST_CASE("a reload or an upgrade needs a process, and what is lost stops only what needs it") {
  using Action = Supervise::Action;
  Observed now;
  now.name = "a";
  CHECK(error_of([&] { require_able(now, std::nullopt); }).hint() == "orctl start a");
  CHECK(error_of([&] { require_able(now, Action::upgrade); }).exit() == Exit::target);
  for (const Action action : {Action::start, Action::stop, Action::restart, Action::enable, Action::disable})
    CHECK_NOTHROW(require_able(now, action));
  now.live.running = true;
  CHECK_NOTHROW(require_able(now, std::nullopt));
  now.loss = Loss{Loss::Of::socket, "its admin socket is gone", "orctl restart a", Impact::restart};
  CHECK(error_of([&] { require_able(now, std::nullopt); }).hint() == "orctl restart a");
  CHECK_NOTHROW(require_able(now, Action::restart));
  now.loss = Loss{Loss::Of::unit, "its unit is gone", "orctl apply", Impact::reload};
  CHECK_NOTHROW(require_able(now, Action::stop));
  CHECK(error_of([&] { require_able(now, Action::start); }).hint() == "orctl apply");
}

TEST_CASE("an instance that is not there is a usage error") {
  const Scratch scratch;
  const World world({}, scratch.path());
  Observed now;
  now.name = "a";
  CHECK(error_of([&] { require_existing(now, world); }).exit() == Exit::absent);
  now.version.emplace();
  CHECK_NOTHROW(require_existing(now, world));
}

TEST_CASE("a plan that takes edits by hand away is refused by their names, and not more of them than can be read") {
  Plan plan = plan_of(Impact::reload);
  CHECK_NOTHROW(refuse_flattening(plan));
  plan.instances[0].flattened = {"http.d/a.conf", "unit", "."};
  const auto refusal = [&]() -> std::string {
    try {
      refuse_flattening(plan);
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::guard);
      CHECK(e.hint().find("orctl drift a --files") != std::string::npos);
      CHECK(e.hint().find("--overwrite-drift") != std::string::npos);
      return e.what();
    }
    return "(none)";
  };
  CHECK(refusal() ==
        "a: edited on the host, and the edit would go: 'http.d/a.conf', its unit, its tree as a whole; nothing was "
        "changed");
  plan.instances[0].flattened.assign(20, "x");
  CHECK(refusal().find("'x' and 12 more; nothing was changed") != std::string::npos);
}
