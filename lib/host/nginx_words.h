#pragma once
#include <string>

namespace orctl {

/// One line of what nginx says, taken apart: of error.log, "2026/11/21 16:00:00 [crit] 4711#4711: *5 words", or of a
/// start, "nginx: [emerg] words". What is not of that shape has no level: it is somebody else's, torn, or the rest of a
/// longer text.
struct LogLine {
  std::string level, words;
  int pid = 0;              ///< 0: a line of a start
  bool of_request = false;  ///< of one connection, "*5": clients and servers choose words in it
};
LogLine read_log_line(const std::string& line);

/// The [emerg] lines of what nginx said, without the mark and each once; all of the text when none is marked.
std::string emergencies(const std::string& text);

/// What to do about them: who holds the port, or else `otherwise`.
std::string next_step(const std::string& words, const std::string& otherwise);

}  // namespace orctl
