#include "cli/main.h"

#include <iostream>

#include "model/layout.h"

int main(int argc, char** argv) {
  using namespace orctl;
  install_signal_handlers();
  const auto make_world = [](const GlobalFlags& globals, Trace trace) {
    const std::string root = Fs({}).resolved(globals.root);
    return World(Layout(root).store(), std::move(trace), root);
  };
  return run_cli(command_table(), std::vector<std::string>(argv + 1, argv + argc), make_world, std::cout, std::cerr,
                 {Env().is_terminal(1), Env().is_terminal(2)});
}
