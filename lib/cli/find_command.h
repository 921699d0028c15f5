#pragma once
#include <string>
#include <vector>

#include "cli/command.h"

namespace orctl {

/// The command line with the command's words taken out.
struct FoundCommand {
  const Command* command = nullptr;  ///< nullptr: help of `topic`, or of everything
  std::string topic;
  bool help = false;
  std::vector<std::string> flags;     ///< what stood before "--", global flags first as they came
  std::vector<std::string> operands;  ///< what stood behind "--"
};

/// Finds the longest command name of the table in `args`, passing over global flags. Throws Error(Exit::usage)
/// with the nearest command.
FoundCommand find_command(const std::vector<Command>& table, const std::vector<std::string>& args);

/// The last -o or --output in `args`, however it is written; "" when there is none. Never fails.
std::string find_output(const std::vector<std::string>& args);

}  // namespace orctl
