#include "sys/interrupt.h"

#include <signal.h>
#include <sys/stat.h>

#include <atomic>

#include "sys/env.h"

namespace orctl {
namespace {

// Lock-free atomics are what a signal handler may touch (C++20 [support.signal]).
std::atomic<int> received = 0;
std::atomic<int> shields = 0;
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void remember_signal(int signal_number) {
  int none = 0;
  received.compare_exchange_strong(none, signal_number);
}

}  // namespace

int interrupted() { return shields > 0 ? 0 : received.load(); }

Uninterrupted::Uninterrupted() { ++shields; }
Uninterrupted::~Uninterrupted() { --shields; }

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  // Files see no EINTR; poll and nanosleep, which we wait in, end early even so (signal(7)).
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

void take_usual_umask() { ::umask(022); }

}  // namespace orctl
