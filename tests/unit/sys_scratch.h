#pragma once
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "sys/world.h"

namespace orctl::test {

/// A folder of its own for one test, removed at the end.
class Scratch {
 public:
  Scratch() {
    std::array<char, 32> name{"/tmp/orctl-test.XXXXXX"};
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name.data();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { Fs({}).remove(path_); }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The Error that `act` throws; the test ends when it throws none.
template <class Act>
Error error_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  return Error(Exit::ok, "");
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Waits until `condition` holds, 10 s at most.
template <class Condition>
bool until(Condition condition) {
  const Deadline deadline = Deadline::in(std::chrono::seconds(10));
  while (!condition()) {
    if (deadline.passed()) return false;
    Clock().pause(Millis(2));
  }
  return true;
}

/// Runs `act` in a forked child and returns the child's pid; the child exits with what `act` returns, 99 when it
/// throws.
template <class Act>
pid_t forked(Act act) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  int status = 99;
  try {
    status = act();
  } catch (const std::exception& error) {
    ::dprintf(2, "child: %s\n", error.what());
  }
  ::_exit(status);
}

/// The exit code of a child, or 128 + signal number.
inline int status_of(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace orctl::test
