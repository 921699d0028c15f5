// Of main.h: run_cli().
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>
#include <ostream>

#include "base/text.h"
#include "cli/main.h"

namespace orctl {

namespace {

Colour colour_for(const std::string& when, Terminals terminals) {
  if (when == "always") return Colour::always;
  if (when == "never" || !Env{}.get("NO_COLOR").empty()) return Colour::never;
  return terminals.out && terminals.err ? Colour::always : Colour::never;
}

std::string format_for(const Parsed& parsed) {
  if (!parsed.globals.output.empty()) return parsed.globals.output;
  const auto& outputs = parsed.command->info.outputs;
  return outputs.empty() ? "text" : outputs.front();
}

Error internal_error(const std::string& what) {
  return {Exit::target, "internal error: " + what + "; please report it"};
}

/// Runs `step` and answers what it throws by a message; the one place that catches.
template <class Step>
Exit guarded(Io& io, Step step) {
  try {
    return step();
  } catch (const Error& e) {
    io.error(e);
    return e.exit();
  } catch (const std::bad_alloc&) {
    io.error(internal_error("out of memory"));
  } catch (const std::exception& e) {
    io.error(internal_error(e.what()));
  } catch (...) {
    io.error(internal_error("unknown exception"));
  }
  return Exit::target;
}

Exit after_signal(Exit exit) {
  const bool tells_of_host = exit == Exit::partial || exit == Exit::rolled_back || exit == Exit::broken;
  return interrupted() == 0 || tells_of_host ? exit : static_cast<Exit>(128 + interrupted());
}

Exit show_help(const std::vector<Command>& table, const Parsed& parsed, Io& io) {
  if (parsed.command != nullptr)
    io.print(help_command(*parsed.command));
  else
    io.print(parsed.topic.empty() ? help_overview(table) : help_group(table, parsed.topic));
  return Exit::ok;
}

/// Stops what a broken configuration stops.
void heed_config(const Parsed& parsed, Io& io) {
  const Config& config = parsed.config;
  if (parsed.command->info.config == ConfigUse::needed && config.untrusted)
    throw Error(Exit::refused, config.untrusted->text, config.untrusted->hint);
  if (parsed.command->info.config == ConfigUse::needed && has_errors(config.found)) {
    for (const Diagnostic& d : config.found) io.error(d);
    throw Error(Exit::usage, "the configuration cannot be used; nothing was done",
                "mend what is marked above; orctl config view shows when it is right");
  }
}

/// Looks again and again until a signal comes, nobody listens any more, or what was named is gone.
template <class Look>
Exit watch(const Look& look, Io& io) {
  constexpr Millis interval(1000);
  if (!io.is_open_ended()) throw Error(Exit::usage, "-w goes on, and this format is one document", "say -o jsonl");
  io.begin_watch();
  Exit exit = look();
  io.end_look();
  while (interrupted() == 0 && io.heard()) {
    Clock().pause(interval);
    if (interrupted() != 0 || !io.heard()) break;
    try {
      exit = look();
    } catch (const Error& e) {
      if (e.exit() == Exit::absent) throw;
      io.error(e);
      exit = e.exit();
    }
    io.end_look();
  }
  return exit;
}

/// Throws what a command that is not done without a reason says of a call that gives none.
void require_reason(const Parsed& parsed) {
  if (parsed.why && parsed.why->needs_reason && trim(parsed.why->reason).empty())
    throw Error(Exit::usage, "missing --reason TEXT",
                fmt::format("\"orctl {} --help\" shows examples", parsed.command->info.name));
}

Exit run_command(Parsed& parsed, const WorldFactory& factory, const Gate& gate, const Unsuccessful& unsuccessful,
                 Io& io) {
  Trace trace;
  if (parsed.globals.verbose)
    trace = [&io](const std::string& line) { io.note(io.paint(printable_line(line), "dim")); };
  if (parsed.command->effect == Effect::changes) io.changed(false);  // Ansible reads it from a failure, too
  heed_config(parsed, io);
  const auto look = [&] {
    World world = factory(parsed.globals, trace);
    try {
      if (gate) gate(parsed, world);
      require_reason(parsed);
      const Exit exit = parsed.call->run(world, io);
      if (exit != Exit::ok && unsuccessful) unsuccessful(parsed, world, exit, io.first_error());
      return exit;
    } catch (const Error& e) {
      if (unsuccessful) unsuccessful(parsed, world, e.exit(), e.what());
      throw;
    }
  };
  return parsed.globals.list.watch || parsed.globals.list.watch_only ? watch(look, io) : look();
}

}  // namespace

int run_cli(const std::vector<Command>& table, const std::vector<std::string>& args, const WorldFactory& factory,
            std::ostream& out, std::ostream& err, Terminals terminals, const ConfigLoader& load, const Gate& gate,
            const Unsuccessful& unsuccessful) {
  Parsed parsed;
  std::string wanted_output;
  try {
    const auto env = [](const std::string& name) { return Env{}.get(name); };
    parsed = parse(table, args, env, wanted_output, load);
  } catch (...) {
    const std::string format = wanted_output == "json" ? "json" : "text";
    Io io(out, err, format, colour_for("auto", terminals));
    io.leads_to(terminals.place);
    const Exit exit = guarded(io, []() -> Exit { throw; });
    return static_cast<int>(io.finish(exit));
  }
  const Colour colour = colour_for(parsed.globals.colour, terminals);
  const bool help = parsed.globals.help;
  const std::vector<std::string> own = help ? std::vector<std::string>() : parsed.command->info.outputs;
  Io io(out, err, help ? "text" : format_for(parsed), colour, own);
  if (terminals.err) io.on_terminal();
  io.leads_to(terminals.place);
  io.listing(parsed.globals.list);
  const Exit exit = guarded(
      io, [&] { return help ? show_help(table, parsed, io) : run_command(parsed, factory, gate, unsuccessful, io); });
  return static_cast<int>(io.finish(after_signal(exit)));
}

}  // namespace orctl
