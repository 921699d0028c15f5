#pragma once
#include <string>
#include <vector>

#include "model/layout.h"
#include "sys/world.h"

namespace orctl {

/// What an instance says in its error.log from one moment on: a change that is followed by a cry for help is no
/// success, even when every worker reports that it serves it.
class ErrorLog {
 public:
  /// From its end on. `silent` never hears anything: the log is of somebody else's doing.
  static ErrorLog from_now(const World& world, const Layout& layout, const std::string& name);
  static ErrorLog silent() { return {}; }

  bool is_silent() const { return offset_ < 0; }

  /// Lines of these workers do not count: they were there before the change, and end.
  void ignore(const std::vector<int>& old_workers) { old_workers_ = old_workers; }

  /// The fatal line of a start or a reload, without time and process: [emerg], or Lua that failed while nginx began; ""
  /// when there is none (yet). Single bind failures are not final: nginx tries five times.
  std::string fatal_line(const World& world) const;

  /// The first line of [emerg], [alert] or [crit], or of Lua that was aborted, that had not been said before the change
  /// and is not known as harmless; "" when there is none.
  std::string bad_line(const World& world) const;

 private:
  std::string text(const World& world) const;

  std::string path_;
  int64_t offset_ = -1;  // -1: silent
  std::vector<int> old_workers_;
};

}  // namespace orctl
