#include <doctest/doctest.h>

#include "host/error_log.h"
#include "host/nginx_words.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

const std::string stamp = "2026/11/21 16:00:00 ";
constexpr int master = 7, worker = 8, stranger = 9;

/// An instance's log that already holds `before`.
struct Log {
  Scratch scratch;
  World world{{}, scratch.path()};
  std::string path = world.layout.logs("x") + "/error.log";
  ErrorLog log;

  explicit Log(const std::string& before = {}) {
    world.fs.make_folders(world.layout.logs("x"));
    if (!before.empty()) say(before);
    log = ErrorLog::from_now(world, "x");
  }
  Log& say(const std::string& line) {
    world.fs.append(path, stamp + line + "\n");
    log.read_on(world);
    return *this;
  }
  std::string cry_after(const std::string& line) {
    say(line);
    return log.cry(world, {master, worker});
  }
  std::string refusal() const { return log.refusal(master); }
};

}  // namespace

TEST_CASE("a line of nginx is taken apart, and nothing else is one") {
  const LogLine line = read_log_line(stamp + "[crit] 4711#4711: *5 open() failed, client: 10.0.0.1");
  CHECK(line.level == "crit");
  CHECK(line.pid == 4711);
  CHECK(line.of_request);
  CHECK(line.words == "open() failed, client: 10.0.0.1");
  CHECK(read_log_line(stamp + "[emerg] 1#0: * 5 odd").words == "* 5 odd");
  CHECK(read_log_line("nginx: [emerg] unknown directive \"x\"").level == "emerg");
  CHECK(read_log_line("nginx: [emerg] unknown directive \"x\"").pid == 0);
  for (const char* other :
       {"", "[emerg] 7#7: x", "2026/11/21 16:00:00 [em2026/11/21 16:00:01 [emerg] 7#7: torn",
        "2026/11/21 16:00:00 [loud] 7#7: x", "2026/11/21 16:00:00 [emerg] x", "2026/11/21 16:00:00 [emerg] 7#: x",
        "2026/11/21 16:00:00 [emerg] #7: x", "2026/11/21 16:00:00 [emerg] 7#7:x", " 2026/11/21 16:00:00 [emerg] 7#7: x",
        "2026/11/21 16:00:00 [emerg", "nginx: x [emerg] y", "stack traceback: [emerg] 7#7: x",
        "2026/11/21 16:00:00 [emerg] 99999999999#1: x"}) {
    CAPTURE(other);
    CHECK(read_log_line(other).level == "");
    CHECK(read_log_line(other).pid == 0);
    CHECK(read_log_line(other).words == other);
  }
}

TEST_CASE("words of a start are those of its marked lines, not of what they quote") {
  CHECK(emergencies("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
                    "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
                    "nginx: [emerg] still could not bind()\n") ==
        "bind() to 0.0.0.0:80 failed (98: Address already in use)");
  CHECK(emergencies(stamp + "[emerg] 7#7: a\n" + stamp + "[error] 7#7: *1 [emerg] b\n") == "a");
  CHECK(emergencies("Lua printed [emerg] here\n") == "Lua printed [emerg] here");
}

TEST_CASE("loud lines and aborted Lua are told, what is ordinary is not") {
  CHECK(Log().cry_after("[emerg] 7#7: open() \"/x\" failed (2: No such file or directory)") ==
        "[emerg] open() \"/x\" failed (2: No such file or directory)");
  CHECK(Log().cry_after("[crit] 8#8: *3 open() \"/tmp/1\" failed (13: Permission denied), client: 10.0.0.1") != "");
  for (const char* lua :
       {"lua entry thread aborted: runtime error: x.lua:3: boom", "failed to run balancer_by_lua*: boom",
        "init_worker_by_lua error: boom", "failed to run the Lua code for body_filter_by_lua*: boom"}) {
    CAPTURE(lua);
    CHECK(Log().cry_after(std::string("[error] 8#8: *1 ") + lua) != "");
  }
  for (const char* ordinary :
       {"[notice] 7#7: signal process started", "[warn] 7#7: *1 a client request body is buffered to a temporary file",
        "[error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1",
        "[crit] 7#7: *1 connect() to unix:/x failed (2: No such file or directory) while connecting to upstream",
        "[crit] 7#7: *1 SSL_do_handshake() failed (SSL: error:0A00006C:bad key share)",
        "[alert] 7#7: setrlimit(RLIMIT_NOFILE, 65536) failed (1: Operation not permitted)",
        "[alert] 7#7: detected a LuaJIT version which is not OpenResty's",
        "[alert] 7#7: *9 open socket #3 left in connection 5", "[alert] 7#7: worker process 8 exited on signal 9",
        "[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)", "no line of nginx [crit] at all",
        "[crit] 9#9: *5 of another process"}) {
    CAPTURE(ordinary);
    CHECK(Log().cry_after(ordinary) == "");
  }
  CHECK(Log().cry_after("[crit] 8#8: *1 " + std::string(5000, 'x')).size() < 400);
}

TEST_CASE("what was said before the change is not told again") {
  Log log("[error] 7#7: *1 lua entry thread aborted: runtime error: x.lua:3: boom, client: 10.0.0.1");
  CHECK(log.cry_after("[error] 8#8: *22 lua entry thread aborted: runtime error: x.lua:3: boom, client: 10.9.9.9") ==
        "");
  CHECK(log.cry_after("[crit] 8#8: *5 pread() failed (5: Input/output error)") != "");
  CHECK(ErrorLog().cry(log.world, {master, worker}) == "");
}

TEST_CASE("why a master gave up is what it said itself, outside of any connection") {
  CHECK(Log()
            .say("[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)")
            .say("[emerg] 7#7: bind() to 0.0.0.0:81 failed (98: Address already in use)")
            .say("[emerg] 7#7: still could not bind()")
            .refusal() == "bind() to 0.0.0.0:80 failed (98: Address already in use)");
  CHECK(Log().say("[error] 7#7: init_by_lua error: boom").refusal() == "init_by_lua error: boom");
  Log crowd;
  crowd.say("[emerg] 7#7: the first");
  for (int i = 0; i < 40; ++i) crowd.say("[error] 8#8: *1 " + std::string(60000, 'x'));
  CHECK(crowd.say("[alert] 7#7: worker process 8 exited on signal 11").log.end_of(master, worker) != "");
  CHECK(crowd.refusal() == "the first");
  for (const std::string& others :
       {std::string("[emerg] 8#8: a worker's"), std::string("[emerg] 7#7: *1 of a connection"),
        std::string("[error] 7#7: *1 \"init_by_lua error: x\" is not found, client: 10.0.0.1"),
        std::string("[emerg] 7#7: began by a client, client: 10.0.0.1, server: _"),
        std::string("[error] 7#7: open() \"/x/init_by_lua error: y\" failed"),
        "[error] 8#8: *1 " + std::string(3000, 'x') + " init_by_lua error: z, referrer: \"[emerg] 7#7: q\""}) {
    CAPTURE(others);
    CHECK(Log().say(others).refusal() == "");
  }
}

TEST_CASE("how a worker started and ended is told of that worker") {
  Log log;
  log.say("[error] 9#9: init_worker_by_lua error: another's").say("[error] 8#8: *1 init_worker_by_lua error: quoted");
  CHECK(log.log.failed_start(worker) == "");
  log.say("[error] 8#8: init_worker_by_lua error: boom");
  CHECK(log.log.failed_start(worker) == "init_worker_by_lua error: boom");
  log.say("[alert] 9#9: worker process 8 exited on signal 11").say("[alert] 7#7: worker process 88 exited on signal 6");
  CHECK(log.log.end_of(master, worker) == "");
  log.say("[alert] 7#7: worker process 8 exited on signal 11 (core dumped)");
  CHECK(log.log.end_of(master, worker) == "worker process 8 exited on signal 11 (core dumped)");
  CHECK(log.log.end_of(stranger, worker) == "worker process 8 exited on signal 11");
}
