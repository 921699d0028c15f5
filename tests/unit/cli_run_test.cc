#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <new>
#include <sstream>

#include "cli_sample.h"

using namespace orctl;
using namespace orctl::sample;

namespace {

struct Ran {
  int exit;
  std::string out, err;
};

World no_world(const GlobalFlags&, Trace trace) { return World(trace, "/nonexistent"); }

Ran run(const std::vector<std::string>& args, const WorldFactory& factory = no_world, Terminals terminals = {}) {
  std::ostringstream out, err;
  const int exit = run_cli(table(), args, factory, out, err, terminals);
  return {exit, out.str(), err.str()};
}

/// Runs "get instances ARGS" whose run function is `body`.
Ran run_body(std::function<Exit(const World&, Io&)> body, std::vector<std::string> args = {}) {
  args.insert(args.begin(), {"get", "instances"});
  run_get = std::move(body);
  Ran ran = run(args);
  run_get = [](const World&, Io&) { return Exit::ok; };
  return ran;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the exit code is the command's own") {
  CHECK(run({"version"}).exit == 0);
  CHECK(run({"version"}).out == "orctl 0\n");
  CHECK(run_body([](const World&, Io&) { return Exit::no; }).exit == 1);
  CHECK(run_body([](const World&, Io&) { return Exit::changed; }).exit == 10);
}

TEST_CASE("help goes to stdout and exits 0") {
  CHECK(run({}).exit == 0);
  CHECK(has(run({}).out, "Commands that only look"));
  CHECK(has(run({"help", "apply"}).out, "orctl apply -f payment.toml"));
  CHECK(has(run({"name"}).out, "name check"));
  CHECK(run({"apply", "-h"}).err.empty());
}

TEST_CASE("a usage error exits 2 on stderr") {
  const Ran ran = run({"aply"});
  CHECK(ran.exit == 2);
  CHECK(ran.out.empty());
  CHECK(ran.err == "error: unknown command \"aply\"\n  hint: did you mean \"orctl apply\"?\n");
}

TEST_CASE("a usage error with -o json is a document on stdout") {
  const Ran ran = run({"aply", "-o", "json"});
  CHECK(ran.exit == 2);
  CHECK(ran.err.empty());
  CHECK(has(ran.out, "\"code\": \"usage\""));
  CHECK(has(ran.out, "\"exit\": 2"));
}

TEST_CASE("an Error becomes its message and its exit code") {
  const auto body = [](const World&, Io&) -> Exit { throw Error(Exit::conflict, "lock held", "wait"); };
  const Ran text = run_body(body);
  CHECK(text.exit == 7);
  CHECK(text.err == "error: lock held\n  hint: wait\n");
  const Ran json = run_body(body, {"-o", "json"});
  CHECK(json.exit == 7);
  CHECK(json.err.empty());
  CHECK(has(json.out, "\"code\": \"conflict\""));
}

TEST_CASE("any other exception is an internal error, exit 5") {
  CHECK(run_body([](const World&, Io&) -> Exit { throw std::bad_alloc(); }).err ==
        "error: internal error: out of memory; please report it\n");
  const Ran ran = run_body([](const World&, Io&) -> Exit { throw std::runtime_error("vanished"); });
  CHECK(ran.exit == 5);
  CHECK(ran.err == "error: internal error: vanished; please report it\n");
  CHECK(run_body([](const World&, Io&) -> Exit { throw 3; }).exit == 5);
}

TEST_CASE("the factory sees the globals; what it throws is handled too") {
  const Ran ran = run({"version", "--root", "/r"}, [](const GlobalFlags& g, Trace trace) {
    CHECK(g.root == "/r");
    CHECK_FALSE(trace);
    throw Error(Exit::refused, "no such root");
    return World(trace);
  });
  CHECK(ran.exit == 3);
  CHECK(ran.err == "error: no such root\n");
}

TEST_CASE("-v shows side effects on stderr as they come, escaped") {
  const auto factory = [](const GlobalFlags& g, Trace trace) {
    trace("+ nginx -t \x1b[2J");
    return no_world(g, trace);
  };
  CHECK(run({"-v", "version"}, factory).err == "+ nginx -t \\x1b[2J\n");
  CHECK(run({"-v", "version", "--color=always"}, factory).err == "\x1b[2m+ nginx -t \\x1b[2J\x1b[0m\n");
  CHECK(run({"-v", "version"}, factory, {true, true}).err.starts_with("\x1b[2m"));
  CHECK(run({"-v", "version", "--color=never"}, factory, {true, true}).err == "+ nginx -t \\x1b[2J\n");
  CHECK(run({"-v", "version"}, factory, {false, true}).err == "+ nginx -t \\x1b[2J\n");
}

TEST_CASE("the first format of a command is its default") {
  run_body([](const World&, Io& io) {
    CHECK(io.format() == "table");
    return Exit::ok;
  });
}

TEST_CASE("help into a full disk exits 5") {
  std::ofstream full("/dev/full");
  std::ostringstream err;
  CHECK(run_cli(table(), {"--help"}, no_world, full, err) == 5);
}

TEST_CASE("an interrupt gives 128 + its number, unless the exit tells what became of the host") {
  const auto interrupted_exit = [](int number, Exit exit) {
    const pid_t child = fork();  // a process of its own: interrupted() stays set
    if (child == 0) {
      install_signal_handlers();
      _exit(run_body([&](const World&, Io&) {
              raise(number);
              return exit;
            }).exit);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  CHECK(interrupted_exit(SIGINT, Exit::ok) == 130);
  CHECK(interrupted_exit(SIGTERM, Exit::timeout) == 143);
  CHECK(interrupted_exit(SIGINT, Exit::rolled_back) == 11);
  CHECK(interrupted_exit(SIGINT, Exit::broken) == 12);
}
