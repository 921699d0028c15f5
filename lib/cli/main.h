#pragma once
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "model/config.h"

namespace orctl {

/// Flags that every command takes, before or after its name.
struct GlobalFlags {
  std::string root = "/";  ///< --root, ORCTL_ROOT: moves every path of the host below it
  /// --supervisor auto|systemd|process, ORCTL_SUPERVISOR; auto: systemd where it runs and `root` is the host's own
  std::string supervisor = "auto";
  bool verbose = false;  ///< -v,--verbose: print every side effect on stderr
  std::string output;    ///< -o,--output
  bool help = false;
  std::string colour = "auto";  ///< --color auto|always|never; NO_COLOR is obeyed
  ListFlags list;               ///< of commands that only look and list items
};

/// What a call says of its purpose.
struct Why {
  std::string reason, ticket;
  bool needs_reason = false;  ///< the command itself is not done without one
};

/// A command line understood: the command (nullptr: top-level help was asked for or `topic` names a group), its call,
/// its globals.
struct Parsed {
  const Command* command = nullptr;
  std::unique_ptr<Call> call;
  GlobalFlags globals;
  std::string topic;  ///< for help of a group such as "name" or "get"
  Config config;
  std::vector<std::string> skipped_guards;  ///< flags given that skip one: "--ignore-min-healthy"
  std::vector<std::string> operands;        ///< what was given without a flag
  std::optional<Why> why;                   ///< absent: the command takes no reason, or this call needs none
};

/// Loads the configuration of the host that the global flags mean; its faults are in its `found`.
using ConfigLoader = std::function<Config(const GlobalFlags&)>;

/// Understands `args` (without argv[0]). Throws Error(Exit::usage) with the nearest command or flag as hint.
/// `env` looks up environment variables. With globals.help set, required flags may be missing.
/// `wanted_output` is filled as soon as -o is seen, so that even a usage error can be answered in JSON. What neither
/// `args` nor `env` says comes from the configuration, if that has no fault.
Parsed parse(const std::vector<Command>& table, const std::vector<std::string>& args,
             const std::function<std::string(const std::string&)>& env, std::string& wanted_output,
             const ConfigLoader& load = {});

/// Makes the World of one call; the trace goes to stderr with -v and is empty otherwise.
using WorldFactory = std::function<World(const GlobalFlags&, Trace)>;

/// Throws what forbids a call that was understood; asked before the command runs.
using Gate = std::function<void(const Parsed&, const World&)>;

/// Is told of a call that a command did not do, or not wholly: how it ended, and the first error.
using Unsuccessful = std::function<void(const Parsed&, World&, Exit, const std::string& why)>;

/// Which streams are terminals, and where stdout leads to; main() asks the kernel.
struct Terminals {
  bool out = false;
  bool err = false;
  OutPlace place{};
};

/// The whole of main(): understands `args` (without argv[0]), helps, or runs the command, and turns what it throws into
/// a message (or the JSON document) and an exit code. An interrupt gives 130 or 143, unless the exit says what
/// became of the host (partial, rolled_back, broken).
int run_cli(const std::vector<Command>& table, const std::vector<std::string>& args, const WorldFactory& factory,
            std::ostream& out, std::ostream& err, Terminals terminals = {}, const ConfigLoader& load = {},
            const Gate& gate = {}, const Unsuccessful& unsuccessful = {});

/// Help texts, examples first. Width 80.
std::string help_overview(const std::vector<Command>& table);
std::string help_group(const std::vector<Command>& table, const std::string& group);
std::string help_command(const Command& command);

/// Generated documents; the committed copies in man/ and completions/ are compared by a test.
std::string man_page(const std::vector<Command>& table);                                     ///< orctl(1), mdoc
std::string completion_script(const std::vector<Command>& table, const std::string& shell);  ///< bash, zsh, fish

}  // namespace orctl
