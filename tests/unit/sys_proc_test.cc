#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr Millis plenty(20'000);

Proc::Result shell(const std::string& script, Millis limit = plenty) {
  return Proc({}).look({"/bin/sh", "-c", script}, limit);
}

}  // namespace

TEST_CASE("a socket is found at exactly its address, transport and process") {
  const auto bound = [](int type, sockaddr* at, socklen_t size) {
    const int fd = ::socket(at->sa_family, type | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(fd, at, size) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(fd, 1) == 0);
    REQUIRE(::getsockname(fd, at, &size) == 0);
    return fd;
  };
  const Proc proc({});
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int tcp = bound(SOCK_STREAM, reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  const std::string at = "127.0.0.1:" + std::to_string(ntohs(v4.sin_port));
  CHECK(proc.listens(::getpid(), Proc::Transport::tcp, at));
  CHECK_FALSE(proc.listens(::getpid(), Proc::Transport::udp, at));
  CHECK_FALSE(proc.listens(::getppid(), Proc::Transport::tcp, at));
  CHECK_FALSE(proc.listens(::getpid(), Proc::Transport::tcp, "0.0.0.0" + at.substr(9)));
  CHECK_FALSE(proc.listens(::getpid(), Proc::Transport::tcp, "nonsense"));
  ::close(tcp);
  CHECK_FALSE(proc.listens(::getpid(), Proc::Transport::tcp, at));
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  const int udp = bound(SOCK_DGRAM, reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  const std::string port = std::to_string(ntohs(v6.sin6_port));
  CHECK(proc.listens(::getpid(), Proc::Transport::udp, "[::1]:" + port));
  CHECK(proc.listens(::getpid(), Proc::Transport::udp, "[0:0::1]:" + port));
  CHECK_FALSE(proc.listens(::getpid(), Proc::Transport::udp, "[::]:" + port));
  ::close(udp);
}

TEST_CASE("a program's output and exit code come back") {
  const auto result = shell("echo out; echo err >&2; exit 7");
  CHECK(result.status == 7);
  CHECK(result.out == "out\n");
  CHECK(result.err == "err\n");
  CHECK(shell("kill -TERM $$").status == 128 + SIGTERM);
}

TEST_CASE("arguments are passed as they are, and traced so that they can be pasted") {
  std::vector<std::string> trace;
  Proc proc([&](const std::string& line) { trace.push_back(line); });
  const auto result = proc.run({"/usr/bin/printf", "%s|", "a b", "$(id)", "it's", ""}, plenty);
  CHECK(result.out == "a b|$(id)|it's||");
  CHECK(trace == std::vector<std::string>{"+ /usr/bin/printf '%s|' 'a b' '$(id)' 'it'\\''s' ''"});
}

TEST_CASE("the environment is clean, standard input empty, signals at their defaults, the session its own") {
  ::setenv("SECRET", "x", 1);
  ::setenv("TZ", "UTC", 1);
  ::signal(SIGHUP, SIG_IGN);
  CHECK(shell("env | cut -d= -f1 | grep -v '^PWD$' | grep -v '^_$' | sort").out == "LANG\nPATH\nTZ\n");
  CHECK(shell("env | grep LANG").out == "LANG=C.UTF-8\n");
  // 32 and 33 are the C library's own.
  const std::string ignored = shell("sed -n 's/^SigIgn:.//p' /proc/self/status").out;
  CHECK((std::stoull(ignored, nullptr, 16) & 0x7fffffff) == 0);
  ::signal(SIGHUP, SIG_DFL);
  ::unsetenv("TZ");
  CHECK(shell("cat").out.empty());
  const std::string ids = shell("read pid c s ppid pgrp session rest < /proc/$$/stat; echo $pid $pgrp $session").out;
  const std::string pid = ids.substr(0, ids.find(' '));
  CHECK(ids == pid + " " + pid + " " + pid + "\n");
}

TEST_CASE("open files of ours do not reach the program") {
  const int leak = ::open("/dev/null", O_RDONLY);
  REQUIRE(leak >= 0);
  // 3 is the listing's own.
  CHECK(Proc({}).look({"/bin/ls", "/proc/self/fd"}, plenty).out == "0\n1\n2\n3\n");
  ::close(leak);
}

TEST_CASE("output is bounded, and the program that writes more still ends") {
  const auto result = shell("head -c 3000000 /dev/zero; echo end >&2");
  CHECK(result.status == 0);
  CHECK(result.out.size() == size_t{256} << 10);
  CHECK(result.err == "end\n");
}

TEST_CASE("a program that is not there") {
  const Error error = error_of([] { Proc({}).look({"/nowhere/nginx"}, plenty); });
  CHECK(error.exit() == Exit::target);
  CHECK(std::string(error.what()) == "cannot run '/nowhere/nginx': No such file or directory");
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("the deadline kills the program and its own children") {
  const Scratch scratch;
  const std::string pids = scratch / "pids";
  const Error error =
      error_of([&] { shell("tail -f --pid=$PPID /dev/null & echo $$ $! > " + pids + "; wait", Millis(300)); });
  CHECK(error.exit() == Exit::timeout);
  CHECK(has(error.what(), "300 ms"));
  const std::string both = Fs({}).read(pids);
  const int parent = std::stoi(both), child = std::stoi(both.substr(both.find(' ')));
  CHECK(until([&] { return !Proc({}).alive(parent) && !Proc({}).alive(child); }));
}

TEST_CASE("a daemon that keeps our pipes open does not hold us up") {
  const Scratch scratch;
  Proc proc({});
  const auto result = proc.run(
      {"/bin/sh", "-c", "tail -f --pid=$PPID /dev/null & echo $! > " + scratch / "pid" + "; echo done"}, plenty);
  CHECK(result.out == "done\n");
  const int daemon = std::stoi(Fs({}).read(scratch / "pid"));
  CHECK(proc.alive(daemon));
  proc.signal(daemon, SIGKILL);
  CHECK(proc.wait_gone(proc.hold(daemon), Deadline::in(plenty)));
  CHECK_NOTHROW(proc.signal(daemon, SIGKILL));
  CHECK(proc.wait_gone(proc.hold(daemon), Deadline::in(plenty)));
}

TEST_CASE("the table of processes") {
  Proc proc({});
  const int own = ::getpid();
  CHECK(proc.alive(own));
  CHECK(proc.start_ticks(own) > 0);
  CHECK(proc.executable(own) == Fs({}).absolute(proc.executable(own)));
  REQUIRE(proc.owner(own));
  CHECK(proc.owner(own)->uid == ::getuid());
  CHECK(proc.owner(own)->gid == ::getgid());
  CHECK(proc.shares_network(own));
  CHECK_FALSE(proc.command_line(own).empty());
  const pid_t child = forked([] {
    for (;;) ::pause();
    return 0;
  });
  CHECK(proc.children(own) == std::vector<int>{child});
  const auto all = proc.all();
  CHECK(std::find(all.begin(), all.end(), child) != all.end());
  CHECK_FALSE(proc.wait_gone(proc.hold(child), Deadline::in(Millis(1))));
  proc.signal(child, SIGKILL);
  // Not reaped yet: a zombie counts as gone.
  CHECK(proc.wait_gone(proc.hold(child), Deadline::in(plenty)));
  CHECK(status_of(child) == 128 + SIGKILL);
  CHECK(proc.start_ticks(child) == 0);
  CHECK(proc.command_line(child).empty());
  CHECK(proc.executable(child).empty());
  CHECK_FALSE(proc.owner(child));
  CHECK_THROWS_AS(proc.signal(0, SIGTERM), Error);
  CHECK_THROWS_AS(proc.signal(-1, SIGTERM), Error);
}

TEST_CASE("what holds on to a process never signals another that got its number") {
  Proc proc({});
  const pid_t first = forked([] { return ::pause(); });
  const ProcessHandle held = proc.hold(first);
  CHECK_FALSE(proc.wait_gone(held, Deadline::in(Millis(1))));
  ::kill(first, SIGKILL);
  CHECK(proc.wait_gone(held, Deadline::in(plenty)));  // a zombie has ended
  status_of(first);
  // the same number again, where that can be asked for (CAP_SYS_ADMIN)
  const int next = ::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
  for (int turn = 0; next >= 0 && turn < 50; ++turn) {
    const std::string before = std::to_string(first - 1);
    if (::pwrite(next, before.data(), before.size(), 0) < 0) break;
    const pid_t other = forked([] { return ::pause(); });
    if (other == first) proc.signal(held, SIGKILL);
    CHECK_FALSE(proc.wait_gone(proc.hold(other), Deadline::in(Millis(other == first ? 50 : 0))));
    ::kill(other, SIGKILL);
    status_of(other);
    if (other == first) break;
  }
  if (next >= 0) ::close(next);
}

TEST_CASE("a signal ends a wait with its name, and the program with it") {
  const Scratch scratch;
  const pid_t child = forked([&] {
    install_signal_handlers();
    const Error error = error_of([&] {
      shell("echo $$ > " + scratch / "pid.new; mv " + scratch / "pid.new " +
            scratch / "pid; exec tail -f --pid=$PPID /dev/null");
    });
    if (std::string(error.what()) != "interrupted by SIGINT" || interrupted() != SIGINT) return 1;
    Clock().pause(Millis(100'000));
    if (error_of([&] { Fs({}).lock(scratch / "l", Millis(0), "l"); }).exit() != Exit::target) return 2;
    // Putting things back is not cut short.
    const Uninterrupted guard;
    return shell("echo back").out == "back\n" && interrupted() == 0 ? 0 : 3;
  });
  REQUIRE(until([&] { return Fs({}).exists(scratch / "pid"); }));
  const int sleeper = std::stoi(Fs({}).read(scratch / "pid"));
  ::kill(child, SIGINT);
  CHECK(status_of(child) == 0);
  CHECK(until([&] { return !Proc({}).alive(sleeper); }));
}
