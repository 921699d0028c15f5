#pragma once
#include <string>

namespace orctl {

/// The [emerg] lines of what nginx said, without the mark and each once; all of the text when none is marked.
std::string emergencies(const std::string& text);

/// What to do about them: who holds the port, or else `otherwise`.
std::string next_step(const std::string& words, const std::string& otherwise);

}  // namespace orctl
