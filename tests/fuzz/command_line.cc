#include <sstream>

#include "cli/main.h"
#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// A command line, one argument a line, with the real table of commands. Nothing is run: a usage error or a call is
// made.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> args = split(text_of(data, size), '\n');
  for (const std::string& arg : args)
    if (arg.find('\0') != std::string::npos) return 0;  // no argument can hold one
  const auto env = [](const std::string&) { return std::string(); };
  std::string wanted;
  try {
    const Parsed parsed = parse(command_table(), args, env, wanted);
    require(parsed.globals.help || (parsed.command != nullptr && parsed.call), "what is no help is a call");
  } catch (const Error& e) {
    require(e.exit() == Exit::usage, "a wrong command line is a usage error");
    std::ostringstream out, err;
    Io io(out, err, wanted == "json" ? "json" : "text", Colour::never);
    io.error(e);
    io.finish(e.exit());
    require(is_harmless(out.str() + err.str()), "a usage error is harmless on a terminal");
  }
  return 0;
}
