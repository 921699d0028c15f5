#pragma once

namespace orctl {

/// The signal (SIGINT or SIGTERM) that asked this process to stop, or 0. Waits of Proc, Http and Clock
/// end early once it is set; install_signal_handlers() arranges that.
int interrupted();
/// Throws "interrupted by SIGINT" (Exit::target) when interrupted().
void stop_if_interrupted();
/// SIGINT and SIGTERM are remembered, not obeyed; SIGPIPE is ignored, lest a closed pager end an apply midway.
void install_signal_handlers();

/// While one lives interrupted() is 0 and waits are full: for putting things back after a signal.
class Uninterrupted {
 public:
  Uninterrupted();
  ~Uninterrupted();
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
};

}  // namespace orctl
