#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/clock.h"
#include "sys/trace.h"

namespace orctl {

/// One process, whatever becomes of its number: a pidfd, or, where the kernel has none, the pid and when it began.
class ProcessHandle {
 public:
  ProcessHandle(ProcessHandle&& o) noexcept : pid_(o.pid_), fd_(o.fd_), started_(o.started_) { o.fd_ = -1; }
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;
  ~ProcessHandle();
  int pid() const { return pid_; }

 private:
  friend class Proc;
  ProcessHandle(int pid, int fd, int64_t started) : pid_(pid), fd_(fd), started_(started) {}

  int pid_, fd_;
  int64_t started_;  ///< ticks; 0: it was gone already
};

class Proc {
 public:
  struct Result {
    int status = 0;        ///< exit code, or 128 + signal number
    std::string out, err;  ///< at most 256 KiB each, the rest is dropped
  };

  explicit Proc(Trace trace) : trace_(std::move(trace)) {}

  /// Runs a program that only looks (nginx -V). argv[0] is an absolute path; no shell; stdin is /dev/null;
  /// own process group; environment is PATH, LANG=C.UTF-8 and TZ only. Exit::timeout (child killed) past `limit`.
  Result look(const std::vector<std::string>& argv, Millis limit) const;
  /// Gives `take` what the program writes to stdout as it comes, until the program ends or `take` answers false; then
  /// it is ended. The result's `out` is empty.
  Result stream(const std::vector<std::string>& argv, const std::function<bool(std::string_view)>& take) const;
  /// The same for a program that changes something. A daemon it leaves behind may keep our pipes open:
  /// ends when the child itself has ended.
  Result run(const std::vector<std::string>& argv, Millis limit);

  /// Starts a program that goes on when we have ended: a session of its own in `/`, no output, nothing of ours open.
  void detach(const std::vector<std::string>& argv);

  bool alive(int pid) const;                ///< exists and is no zombie
  std::string command_line(int pid) const;  ///< /proc/PID/cmdline with blanks between; "" when gone
  std::string executable(int pid) const;    ///< /proc/PID/exe; "" when gone or not readable
  /// Real user and group of a process: whose it is; nullopt when gone.
  struct Owner {
    uint32_t uid = 0, gid = 0;
  };
  std::optional<Owner> owner(int pid) const;
  /// How a process waits for a signal. Once it has slept more often than before the signal was sent, and is ready
  /// again, it has dealt with it.
  struct Sleep {
    bool ready = false;  ///< it sleeps, would take the signal, and has none of it pending
    int64_t times = 0;   ///< how often it has gone to sleep
  };
  std::optional<Sleep> sleep_of(int pid, int signal_number) const;  ///< nullopt when gone, or not to be seen
  std::vector<int> children(int pid) const;                         ///< sorted
  int parent(int pid) const;                                        ///< 0 when gone
  bool is_stopped(int pid) const;                                   ///< by SIGSTOP: it does nothing
  bool has_open(int pid, const std::string& path) const;            ///< one of its descriptors is this file
  enum class Transport { tcp, udp };
  /// Whether `pid` has a socket that takes connections (tcp) or datagrams (udp) at exactly `address`, such as
  /// "0.0.0.0:53" or "[::]:53".
  bool listens(int pid, Transport transport, const std::string& address) const;
  /// Whether its addresses are ours: false when it is known to be in another network namespace.
  bool shares_network(int pid) const;
  std::vector<int> all() const;            ///< every pid, sorted
  int64_t open_files(int pid) const;       ///< how many it has open; 0 when gone, or not to be seen
  int64_t open_file_limit(int pid) const;  ///< how many files it may have open at a time (soft limit); 0 when gone
  int64_t start_ticks(int pid) const;      ///< /proc/PID/stat field 22: tells a reused pid apart; 0 when gone
  /// Holds on to the process that has this number now. Look at who it is afterwards, then signal: the number may pass
  /// to another process meanwhile, the handle does not.
  ProcessHandle hold(int pid) const;
  void signal(const ProcessHandle& process, int signal_number);  ///< Error when it cannot be sent; none when gone
  void signal(int pid, int signal_number);                       ///< the same for the process that has the number now
  /// Waits until the process is gone; false when the deadline came first.
  bool wait_gone(const ProcessHandle& process, Deadline deadline) const;

 private:
  Trace trace_;
};

}  // namespace orctl
