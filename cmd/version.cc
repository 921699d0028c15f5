#include "cli/command.h"

namespace orctl {
namespace {

struct Options {};

void flags(Flags&, Options&) {}

Exit run(const Options&, const World&, Io& io) {
  io.kind("Version");
  io.item(Value(Value::Object{{"version", ORCTL_VERSION}}));
  io.print("orctl " ORCTL_VERSION "\n");
  return Exit::ok;
}

}  // namespace

Command version_command() {
  return command<Options>(
      {"version", "print the version", {{"Print the version", "orctl version"}}, "", {"text", "json"}, ConfigUse::none},
      flags, run);
}

}  // namespace orctl
