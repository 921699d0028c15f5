#include "host/logs.h"

#include "base/text.h"
#include "cli/command.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::string name, tail, since;
  bool follow = false, access = false, stream = false, journal = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.name, "the instance").required();
  f.add("-f,--follow", o.follow, "go on with what is written, over rotations, until interrupted");
  f.add("--tail", o.tail, "so many lines at most, or all; absent: 100, with --since all").value("N");
  f.add("--since", o.since, "only lines that are not older than this").value("DURATION");
  f.add("--access", o.access, "access.log: a line of JSON for each request");
  f.add("--stream", o.stream, "stream.log: a line of JSON for each connection to a tcp or udp listener");
  f.add("--journal", o.journal, "what systemd has in its journal of the instance's unit");
}

LogChoice choice_of(const Options& o) {
  LogChoice choice;
  choice.follow = o.follow;
  if (!o.since.empty()) {
    const auto span = parse_duration(o.since);
    if (!span || span->count() == 0)
      throw Error(Exit::usage, "--since: '" + o.since + "' is no duration", "write it as 90s, 30m or 2h");
    choice.since = *span;
  }
  if (o.tail.empty() ? o.since.empty() : o.tail != "all") {
    const auto number = parse_number(o.tail.empty() ? "100" : o.tail, LogChoice::all - 1);
    if (!number) throw Error(Exit::usage, "--tail: '" + o.tail + "' is no number of lines", "a number, or all");
    choice.last = *number;
  }
  return choice;
}

Exit run(const Options& o, const World& world, Io& io) {
  if (o.access + o.stream + o.journal > 1)
    throw Error(Exit::usage, "--access, --stream and --journal are different logs", "choose one of them");
  if (o.journal && world.supervision != Supervision::systemd)
    throw Error(Exit::usage, "systemd does not run the instances here, so its journal has nothing of them",
                "leave --journal away: error.log has nginx's words");
  const LogChoice choice = choice_of(o);
  const auto name = one_instance(o.name, world);
  if (!name) {
    io.note("No instance matches '" + o.name + "'.");
    return Exit::ok;
  }
  const std::vector<std::string> chosen = select_instances({*name}, {}, world);
  const TakeLines take = [&io](const std::string& lines) {
    io.print(lines);
    return io.heard();
  };
  const std::string file = o.access ? "access.log" : o.stream ? "stream.log" : "error.log";
  if (o.journal)
    read_journal(world, world.layout.unit_name(chosen.front()), choice, take);
  else
    read_log(world, world.layout.logs(chosen.front()) + "/" + file, choice, take);
  return Exit::ok;
}

}  // namespace

Command logs_command() {
  return command<Options>(
      {"logs",
       "show the log of an instance: nginx's errors, requests, or the journal",
       {{"The last 100 lines of its error.log", "orctl logs prd_payment_001_8080"},
        {"Its requests as they come", "orctl logs prd_payment_001_8080 -f --access"},
        {"What systemd saw in the last hour", "orctl logs prd_payment_001_8080 --journal --since 1h"}},
       "Control bytes are written visibly, as in every answer. A rotated log is not looked into."},
      flags, run);
}

}  // namespace orctl
