#pragma once
#include <deque>
#include <set>
#include <string>

#include "host/nginx_words.h"
#include "sys/world.h"

namespace orctl {

/// What an instance says in its error.log from one moment on. It gives words for what is known otherwise (Evidence),
/// and decides nothing: clients, servers, an instance's own Lua and whoever may append to the file write there, too,
/// whole lines if they like.
class ErrorLog {
 public:
  /// From its end on. One that is made without it never hears anything: the log is of somebody else's doing.
  static ErrorLog from_now(const World& world, const std::string& name);

  /// Takes up what has been written since the last call. Of a crowd of lines the newest of a process's own are kept.
  void read_on(const World& world);

  /// Why this master gave a start or a reload up: its [emerg], or the error of init_by_lua; "" when it does not say. Of
  /// five tries to bind a socket the first is told.
  std::string refusal(int master) const;
  /// Why a worker failed while it began; "" when it does not say.
  std::string failed_start(int worker) const;
  /// How the master says that this worker ended, "worker process 8 exited on signal 11"; "" when it does not (yet).
  std::string end_of(int master, int worker) const;
  /// The first line of [emerg], [alert] or [crit], or of Lua that was aborted, of these processes, that had not been
  /// said before and is not known as harmless; "" when there is none.
  std::string cry(const World& world, const std::set<int>& processes) const;

 private:
  void take(const std::string& text);

  std::string path_, rest_;
  int64_t begin_ = -1, next_ = -1;  // -1: it hears nothing
  std::deque<LogLine> own_, bad_;   // what only a process itself says; what is loud, of connections, too
};

}  // namespace orctl
