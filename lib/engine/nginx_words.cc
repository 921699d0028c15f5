#include "engine/nginx_words.h"

#include "base/text.h"

namespace orctl {

std::string emergencies(const std::string& text) {
  std::vector<std::string> found;
  for (const std::string& line : split(text, '\n')) {
    const size_t mark = line.find("[emerg]");
    if (mark == std::string::npos || line.find("still could not bind") != std::string::npos) continue;
    const std::string words = line.substr(mark + 8);
    // nginx tries to bind five times and says so five times
    if (found.empty() || found.back() != words) found.push_back(words);
  }
  return found.empty() ? std::string(trim(text)) : join(found, "; ");
}

std::string next_step(const std::string& words, const std::string& otherwise) {
  const bool port = words.find("Address already in use") != std::string::npos;
  return port ? "find who listens there: ss -ltnp" : "see " + otherwise;
}

}  // namespace orctl
