#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/layout.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/fs.h"
#include "sys/git.h"
#include "sys/http.h"
#include "sys/interrupt.h"
#include "sys/proc.h"
#include "sys/trace.h"

/// The outside, and nothing else: files, processes, HTTP, git, time, environment.
/// Looking is const, changing is not, and every change is traced. No other layer includes posix,
/// libcurl or libgit2. All failures are `Error`s that name the path or address and the next step.
namespace orctl {

/// What runs the instances' processes here: orctl itself, or systemd by a unit for each instance.
enum class Supervision { process, systemd };

/// Everything outside the process. Held by value, so that a const World is a promise only to look.
struct World {
  /// `host_root` is the folder that all paths of the host are below.
  explicit World(const Trace& tracer, std::string host_root = "/")
      : root(std::move(host_root)),
        layout(root),
        trace(tracer),
        fs(trace, root),
        proc(trace),
        http(trace),
        git(trace, layout.store(), root) {}

  std::string root;
  Layout layout;  ///< where everything is below `root`
  Trace trace;    ///< of whoever gives the side effects of the parts below an order; may be empty
  Supervision supervision = Supervision::process;
  std::vector<std::string> arguments{};  ///< of this call of orctl, for those who are told of it later

  Fs fs;
  Proc proc;
  Http http;
  Git git;
  Clock clock;
  Env env;
};

}  // namespace orctl
