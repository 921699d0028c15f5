#include "sys/proc.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "sys/clock.h"
#include "sys/env.h"
#include "sys/fault.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr size_t max_output = size_t{256} << 10;
/// How long a wait may miss a signal that came just before it, or an end where the kernel has no pidfd.
constexpr Millis slice(50);

/// One of the child's two outputs while it runs.
struct Stream {
  Fd end;
  std::string text;

  /// Reads what is there, at most one pipe's worth; closes at the end of input.
  void drain() {
    char block[1 << 16];
    for (int turn = 0; end && turn < 16; ++turn) {
      const ssize_t got = retried([&] { return ::read(end.get(), block, sizeof block); });
      if (got < 0) return;
      if (got == 0) {
        end.close();
        return;
      }
      text.append(block, std::min(max_output - text.size(), static_cast<size_t>(got)));
    }
  }
};

/// posix_spawn's two descriptions, freed at the end of the scope.
struct Spawn {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  Spawn(int out, int err) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    // What our own caller left open must not live on in a daemon, nor where he stands: that folder may be anybody's.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawn_file_actions_addchdir_np(&actions, "/");

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // A session of its own: Ctrl-C at the terminal is for us, and the child cannot ask there for a password.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  /// Without any output, for a program that outlives us.
  Spawn() : Spawn(STDOUT_FILENO, STDERR_FILENO) {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

/// A child that is killed with its whole process group, and reaped, unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    retried([&] { return ::waitpid(pid_, &status, 0); });
  }

  /// The status if it has ended.
  std::optional<int> ended() {
    int status = 0;
    if (retried([&] { return ::waitpid(pid_, &status, WNOHANG); }) != pid_) return std::nullopt;
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

std::array<Fd, 2> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) throw change_fault("make", "a pipe", errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<std::string> clean_environment() {
  const Env env;
  const std::string path = env.get("PATH"), zone = env.get("TZ");
  std::vector<std::string> variables = {
      "PATH=" + (path.empty() ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : path), "LANG=C.UTF-8"};
  if (!zone.empty()) variables.push_back("TZ=" + zone);
  return variables;
}

/// Pointers into `strings`, and a null at the end.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (std::string& s : strings) all.push_back(s.data());
  all.push_back(nullptr);
  return all;
}

pid_t start(std::vector<std::string> argv, const Spawn& spawn) {
  const std::string program = argv.at(0);
  std::vector<std::string> environment = clean_environment();
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &spawn.actions, &spawn.attributes, pointers(argv).data(),
                                  pointers(environment).data());
  if (error == 0) return pid;
  throw Error(Exit::target, fmt::format("cannot run '{}': {}", program, errno_text(error)),
              error == ENOENT ? "install it, or name the right program" : errno_hint(error));
}

/// For the trace and for messages: what could be pasted into a shell.
std::string shown(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& word : argv) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c >= 0x80 ||
             std::string_view("-_./:=,+@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    std::string quoted;
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += (line.empty() ? "" : " ") + (plain ? word : "'" + quoted + "'");
  }
  return line;
}

using Take = std::function<bool(std::string_view)>;

/// Runs a program to its end. With `take`, its output goes there, and `take` may end it.
Proc::Result wait_for(const std::vector<std::string>& argv, Millis limit, const Take& take = {}) {
  stop_if_interrupted();
  const Deadline deadline = Deadline::in(limit);
  auto out_pipe = make_pipe(), err_pipe = make_pipe();
  const pid_t pid = start(argv, Spawn(out_pipe[1].get(), err_pipe[1].get()));
  Child child(pid);
  const Fd ending(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  out_pipe[1].close();
  err_pipe[1].close();
  Stream out{std::move(out_pipe[0]), {}}, err{std::move(err_pipe[0]), {}};
  for (;;) {
    std::array<pollfd, 3> waits = {pollfd{ending.get(), POLLIN, 0}, pollfd{out.end.get(), POLLIN, 0},
                                   pollfd{err.end.get(), POLLIN, 0}};
    ::poll(waits.data(), waits.size(), static_cast<int>(std::min(deadline.left(), slice).count()));
    // In this order: what the child wrote before its end is in the pipes once it has ended.
    const auto status = child.ended();
    out.drain();
    err.drain();
    if (take && !out.text.empty() && !take(std::exchange(out.text, {}))) return {};
    if (status) return {*status, std::move(out.text), std::move(err.text)};
    stop_if_interrupted();
    if (deadline.passed()) {
      throw Error(Exit::timeout,
                  fmt::format("'{}' did not end within {} ms and was killed", shown(argv), limit.count()),
                  "run it by hand to see where it hangs");
    }
  }
}

}  // namespace

Proc::Result Proc::look(const std::vector<std::string>& argv, Millis limit) const {
  say(trace_, "+ " + shown(argv));
  return wait_for(argv, limit);
}

Proc::Result Proc::stream(const std::vector<std::string>& argv, const Take& take) const {
  say(trace_, "+ " + shown(argv));
  return wait_for(argv, Millis::max(), take);
}

Proc::Result Proc::run(const std::vector<std::string>& argv, Millis limit) {
  say(trace_, "+ " + shown(argv));
  return wait_for(argv, limit);
}

void Proc::detach(const std::vector<std::string>& argv) {
  say(trace_, "+ " + shown(argv) + " &");
  start(argv, Spawn());
}

ProcessHandle::~ProcessHandle() {
  if (fd_ >= 0) ::close(fd_);
}

ProcessHandle Proc::hold(int pid) const {
  // 0 and negative numbers mean process groups, 1 is init: never ours.
  if (pid <= 1) throw Error(Exit::target, fmt::format("refusing to signal pid {}", pid), "look at the pid file");
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  return {pid, fd, fd < 0 && errno == ESRCH ? 0 : start_ticks(pid)};
}

void Proc::signal(const ProcessHandle& process, int signal_number) {
  const char* name = sigabbrev_np(signal_number);
  const std::string shown_signal = name == nullptr ? std::to_string(signal_number) : name;
  say(trace_, fmt::format("kill -{} {}", shown_signal, process.pid_));
  if (process.started_ == 0) return;
  const bool same = process.fd_ >= 0 || start_ticks(process.pid_) == process.started_;
  if (!same) return;
  const long sent = process.fd_ >= 0 ? ::syscall(SYS_pidfd_send_signal, process.fd_, signal_number, nullptr, 0)
                                     : ::kill(process.pid_, signal_number);
  if (sent == 0 || errno == ESRCH) return;
  throw Error(Exit::target,
              fmt::format("cannot send SIG{} to pid {}: {}", shown_signal, process.pid_, errno_text(errno)),
              errno == EPERM ? "run as root or as the user of that process" : "");
}

void Proc::signal(int pid, int signal_number) { signal(hold(pid), signal_number); }

bool Proc::wait_gone(const ProcessHandle& process, Deadline deadline) const {
  if (process.started_ == 0) return true;
  for (;;) {
    stop_if_interrupted();
    const bool by_handle = process.fd_ >= 0;
    if (!by_handle && (start_ticks(process.pid_) != process.started_ || !alive(process.pid_))) return true;
    pollfd end = {process.fd_, POLLIN, 0};
    const Millis longest = by_handle ? slice : Millis(10);
    // readable when it has ended, reaped or not (pidfd_open(2))
    if (::poll(&end, 1, static_cast<int>(std::min(deadline.left(), longest).count())) > 0) return true;
    if (deadline.passed()) return false;
  }
}

}  // namespace orctl
