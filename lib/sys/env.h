#pragma once
#include <cstdint>
#include <string>

namespace orctl {

/// The environment and the user database, and the terminal.
class Env {
 public:
  std::string get(const std::string& name) const;  ///< "" when unset or empty
  std::string user() const;  ///< login name of the effective user, or its number; behind sudo the caller's name
  bool is_root() const;
  uint32_t uid() const;
  std::string host() const;
  std::string program() const;  ///< absolute path of this very program
  bool user_exists(const std::string& name) const;
  std::string comment_of(const std::string& user) const;  ///< its GECOS field; "" when unknown
  std::string group_of(const std::string& user) const;    ///< name of its primary group; "" when unknown
  bool is_terminal(int fd) const;
  /// Asks `question` on stderr and reads the answer: true for y or yes. False at once when standard input is no
  /// terminal.
  bool confirm(const std::string& question) const;
};

/// Makes the umask the usual one, whatever the caller's: what is private is made so where it is made, and nginx finds
/// what it always finds.
void take_usual_umask();

}  // namespace orctl
