#include <doctest/doctest.h>

#include "engine/error_log.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string stamp = "2026/11/21 16:00:00 ";

/// An instance's log that already holds `before`.
struct Log {
  Scratch scratch;
  World world{scratch / "store.git", {}, scratch.path()};
  Layout layout{scratch.path()};
  std::string path = layout.logs("x") + "/error.log";
  ErrorLog log;

  explicit Log(const std::string& before = {}) {
    world.fs.make_folders(layout.logs("x"));
    if (!before.empty()) say(before);
    log = ErrorLog::from_now(world, layout, "x");
  }
  void say(const std::string& line) { world.fs.append(path, stamp + line + "\n"); }
  std::string bad_after(const std::string& line) {
    say(line);
    return log.bad_line(world);
  }
};

}  // namespace

TEST_CASE("loud lines and aborted Lua are bad, what is ordinary is not") {
  CHECK(Log().bad_after("[emerg] 7#7: open() \"/x\" failed (2: No such file or directory)") ==
        "[emerg] open() \"/x\" failed (2: No such file or directory)");
  CHECK(Log().bad_after("[alert] 7#7: worker process 8 exited on signal 11") ==
        "[alert] worker process 8 exited on signal 11");
  CHECK(Log().bad_after("[crit] 7#7: *3 open() \"/tmp/1\" failed (13: Permission denied), client: 10.0.0.1") != "");
  for (const char* lua :
       {"lua entry thread aborted: runtime error: x.lua:3: boom", "failed to run balancer_by_lua*: boom",
        "init_worker_by_lua error: boom", "failed to run the Lua code for body_filter_by_lua*: boom"}) {
    CAPTURE(lua);
    CHECK(Log().bad_after(std::string("[error] 7#7: *1 ") + lua) != "");
  }
  for (const char* ordinary :
       {"[notice] 7#7: signal process started", "[warn] 7#7: *1 a client request body is buffered to a temporary file",
        "[error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1",
        "[crit] 7#7: *1 connect() to unix:/x failed (2: No such file or directory) while connecting to upstream",
        "[crit] 7#7: *1 SSL_do_handshake() failed (SSL: error:0A00006C:bad key share)",
        "[alert] 7#7: setrlimit(RLIMIT_NOFILE, 65536) failed (1: Operation not permitted)",
        "[alert] 7#7: detected a LuaJIT version which is not OpenResty's",
        "[alert] 7#7: *9 open socket #3 left in connection 5", "[alert] 7#7: worker process 8 exited on signal 9",
        "[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)", "no line of nginx [crit] at all"}) {
    CAPTURE(ordinary);
    CHECK(Log().bad_after(ordinary) == "");
  }
}

TEST_CASE("what was said before the change, and what old workers say, is not the change's") {
  Log log("[error] 7#7: *1 lua entry thread aborted: runtime error: x.lua:3: boom, client: 10.0.0.1");
  CHECK(log.bad_after("[error] 8#8: *22 lua entry thread aborted: runtime error: x.lua:3: boom, client: 10.9.9.9") ==
        "");
  log.log.ignore({41, 42});
  CHECK(log.bad_after("[crit] 42#42: *5 pread() failed (5: Input/output error)") == "");
  CHECK(log.bad_after("[crit] 43#43: *5 pread() failed (5: Input/output error)") != "");
  CHECK(ErrorLog::silent().bad_line(log.world) == "");
}

TEST_CASE("the fatal line of a start is what nginx gave up for") {
  Log log;
  log.say("[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)");
  CHECK(log.log.fatal_line(log.world) == "");
  log.say("[emerg] 7#7: still could not bind()");
  CHECK(log.log.fatal_line(log.world) == "bind() to 0.0.0.0:80 failed (98: Address already in use)");
  Log lua;
  lua.say("[error] 7#7: init_by_lua error: boom");
  CHECK(lua.log.fatal_line(lua.world) == "init_by_lua error: boom");
}
