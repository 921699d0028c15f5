#pragma once
#include <map>

#include "cli/main.h"

/// A small table of commands that use all that a command can.
namespace orctl::sample {

struct GetOptions {
  std::string kind;
  std::vector<std::string> names, labels;
  bool watch = false;
  int limit = 5;
  std::chrono::milliseconds timeout{3000};
  std::optional<std::string> sort;
  std::string side = "live";
};
struct ApplyOptions {
  std::vector<std::string> files;
  std::string reason;
  bool dry_run = false;
};
struct NameOptions {
  std::vector<std::string> names;
};
struct NoOptions {};

inline GetOptions got;  ///< what the last run of "get" was given
inline ApplyOptions applied;
inline std::function<Exit(const World&, Io&)> run_get = [](const World&, Io&) { return Exit::ok; };

inline void get_flags(Flags& f, GetOptions& o) {
  f.positional("KIND", o.kind, "what to list").choices({"instances", "upstreams"}).required();
  f.positional("NAME", o.names, "names or globs");
  f.add("-l,--selector", o.labels, "label to select by").value("KEY=VALUE");
  f.add("-w,--watch", o.watch, "go on watching");
  f.add("--limit", o.limit, "at most so many");
  f.add("--timeout", o.timeout, "how long to wait").env("ORCTL_TIMEOUT");
  f.add("--sort", o.sort, "column to sort by");
  f.add("--side", o.side, "where to look").choices({"live", "stored"});
}
inline Exit get_run(const GetOptions& o, const World& world, Io& io) {
  got = o;
  return run_get(world, io);
}
inline void apply_flags(Flags& f, ApplyOptions& o) {
  f.add("-f,--filename", o.files, "manifest file or folder").required().value("FILE");
  f.add("--reason", o.reason, "why, for the history").env("ORCTL_REASON");
  f.add("--dry-run", o.dry_run, "show what would change and stop");
}
inline Exit apply_run(const ApplyOptions& o, World&, Io&) {
  applied = o;
  return Exit::ok;
}
inline void name_flags(Flags& f, NameOptions& o) { f.positional("NAME", o.names, "names to check").required(); }
inline Exit name_run(const NameOptions&, const World&, Io&) { return Exit::ok; }
inline void no_flags(Flags&, NoOptions&) {}
inline Exit version_run(const NoOptions&, const World&, Io& io) {
  io.print("orctl 0\n");
  return Exit::ok;
}

inline const std::vector<Command>& table() {
  static const std::vector<Command> all = {
      command({"apply",
               "Carry out what the manifests ask for",
               {{"Apply one manifest", "orctl apply -f payment.toml"}},
               "The plan is made first.\n\nIt is shown, then carried out whole or not at all, so that nobody has to "
               "clean up behind a half-done change.",
               {"text", "json"}},
              apply_flags, apply_run),
      command({"get",
               "List what is there",
               {{"List all instances", "orctl get instances"}, {"As JSON", "orctl get instances -o json"}},
               "",
               {"table", "wide", "name", "json", "jsonl", "jsonpath="}},
              get_flags, get_run),
      command({"name check", "Check names", {{"Check a name", "orctl name check prd_payment_001_8080"}}, ""},
              name_flags, name_run),
      command({"name next", "Print the next free name", {}, ""}, name_flags, name_run),
      command({"version", "Print the version", {}, ""}, no_flags, version_run),
  };
  return all;
}

using Variables = std::map<std::string, std::string>;

inline Parsed parse_with(const std::vector<std::string>& args, const Variables& variables = {}) {
  std::string wanted;
  return parse(
      table(), args,
      [&](const std::string& name) {
        const auto it = variables.find(name);
        return it == variables.end() ? std::string() : it->second;
      },
      wanted);
}

}  // namespace orctl::sample
