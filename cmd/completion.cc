#include "cli/command.h"
#include "cli/main.h"

namespace orctl {
namespace {

struct Options {
  std::string what;
};

void flags(Flags& f, Options& o) {
  f.positional("WHAT", o.what, "shell, or man for the manual page").choices({"bash", "zsh", "fish", "man"}).required();
}

Exit run(const Options& o, const World&, Io& io) {
  io.print(o.what == "man" ? man_page(command_table()) : completion_script(command_table(), o.what));
  return Exit::ok;
}

}  // namespace

Command completion_command() {
  return command<Options>({"completion",
                           "print the completion script of a shell, or the manual page",
                           {{"Complete in this bash", "source <(orctl completion bash)"},
                            {"Read the manual", "orctl completion man | man -l -"}},
                           "",
                           {},
                           ConfigUse::none},
                          flags, run);
}

}  // namespace orctl
