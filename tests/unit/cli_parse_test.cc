#include <doctest/doctest.h>

#include <random>
#include <sstream>

#include "cli_sample.h"

using namespace orctl;
using namespace orctl::sample;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

namespace {

void run(const Words& args, const Variables& variables = {}) {
  const Parsed parsed = parse_with(args, variables);
  REQUIRE(parsed.call != nullptr);
  std::ostringstream out, err;
  Io io(out, err, "text", Colour::never);
  World world({}, "/nonexistent");
  parsed.call->run(world, io);
}
const GetOptions& get(Words args, const Variables& variables = {}) {
  args.insert(args.begin(), "get");
  run(args, variables);
  return got;
}
const ApplyOptions& apply(Words args, const Variables& variables = {}) {
  args.insert(args.begin(), "apply");
  run(args, variables);
  return applied;
}
/// "message | hint" of the usage error that `args` give.
std::string fault(const Words& args, const Variables& variables = {}) {
  try {
    parse_with(args, variables);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::usage);
    return e.what() + (" | " + e.hint());
  }
  return "no error";
}

}  // namespace

TEST_CASE("a command of one word and of two is found, global flags before and after") {
  CHECK(parse_with({"get", "instances"}).command->info.name == "get");
  CHECK(parse_with({"name", "check", "x"}).command->info.name == "name check");
  const Parsed p = parse_with({"-v", "--root", "/r", "get", "instances", "-o", "json", "--color=never"});
  CHECK(p.globals.verbose);
  CHECK(p.globals.root == "/r");
  CHECK(p.globals.output == "json");
  CHECK(p.globals.colour == "never");
  CHECK(parse_with({"name", "-v", "check", "x"}).command->info.name == "name check");
  CHECK(parse_with({"-vo", "json", "get", "instances"}).globals.output == "json");
  CHECK(parse_with({"get", "-vo=json", "instances"}).globals.output == "json");
  CHECK(parse_with({"--version"}).command->info.name == "version");
}

TEST_CASE("an unknown command is answered with the nearest one") {
  CHECK(fault({"gte"}) == "unknown command \"gte\" | did you mean \"orctl get\"?");
  CHECK(fault({"nmae", "check"}) == "unknown command \"nmae\" | did you mean \"orctl name\"?");
  CHECK(fault({"name", "chekc"}) == "unknown command \"chekc\" of \"name\" | did you mean \"orctl name check\"?");
  CHECK(fault({"frobnicate"}) == "unknown command \"frobnicate\" | \"orctl --help\" lists what there is");
  CHECK(fault({""}).starts_with("unknown command \"\""));
}

TEST_CASE("an unknown flag is answered with the nearest one of that command") {
  CHECK(fault({"apply", "--dryrun", "-f", "x"}) ==
        "unknown flag \"--dryrun\" of \"apply\" | did you mean \"--dry-run\"?");
  CHECK(fault({"get", "instances", "--limt=3"}) == "unknown flag \"--limt\" of \"get\" | did you mean \"--limit\"?");
  CHECK(fault({"apply", "-f", "x", "-z"}).starts_with("unknown flag \"-z\" of \"apply\""));
  CHECK(fault({"get", "instances", "---x"}).starts_with("unknown flag \"---x\""));
  CHECK(fault({"get", "instances", "-vq"}).starts_with("unknown flag \"-q\""));
  CHECK(fault({"-f", "x", "apply"}).starts_with("unknown flag \"-f\" before the command"));
  CHECK(fault({"--rooot", "/", "get"}) == "unknown flag \"--rooot\" before the command | did you mean \"--root\"?");
}

TEST_CASE("a dash and digits are no flag: they name a revision from the live one back") {
  CHECK(get({"instances", "-1"}).names == Words{"-1"});
  CHECK(get({"instances", "-12", "x"}).names == Words{"-12", "x"});
  CHECK(fault({"apply", "-f", "x", "-1"}).starts_with("unexpected argument \"-1\""));
  CHECK(fault({"get", "instances", "-1x"}).starts_with("unknown flag \"-1x\""));
}

TEST_CASE("a call says why, by its flag or the environment") {
  CHECK_FALSE(parse_with({"get", "instances"}).why);
  CHECK(parse_with({"apply", "-f", "x"}).why->reason.empty());
  CHECK(parse_with({"apply", "-f", "x", "--reason", "rest"}).why->reason == "rest");
  CHECK(parse_with({"apply", "-f", "x"}, {{"ORCTL_REASON", "asked"}}).why->reason == "asked");
  CHECK(parse_with({"get", "instances", "a", "b"}).operands == Words{"instances", "a", "b"});
}

TEST_CASE("several unknown flags: the first is named (CLI11 trap 11)") {
  CHECK(fault({"get", "instances", "--first", "--second"}).starts_with("unknown flag \"--first\""));
}

TEST_CASE("-o=json means json (trap 4), and only one = is taken away") {
  CHECK(parse_with({"get", "instances", "-o=json"}).globals.output == "json");
  CHECK(parse_with({"get", "instances", "-ojson"}).globals.output == "json");
  CHECK(get({"instances", "-l=a=b"}).labels == Words{"a=b"});
  CHECK(get({"instances", "-l", "=x"}).labels == Words{"=x"});
  CHECK(get({"instances", "--selector==x"}).labels == Words{"=x"});
}

TEST_CASE("a vector takes one value each time (trap 5)") {
  const GetOptions& o = get({"instances", "-l", "a=b", "web1", "-l", "c=d", "web2"});
  CHECK(o.labels == Words{"a=b", "c=d"});
  CHECK(o.names == Words{"web1", "web2"});
}

TEST_CASE("a bool flag eats nothing (trap 6)") {
  CHECK(get({"instances", "-w", "web1"}).names == Words{"web1"});
  CHECK(get({"instances", "--watch=false"}).watch == false);
  CHECK(get({"instances", "--watch=true"}).watch == true);
  CHECK(get({"instances", "-w", "-w"}).watch == true);
  CHECK(fault({"get", "instances", "--watch=maybe"}) == "--watch: \"maybe\" is neither true nor false | ");
  CHECK(fault({"get", "instances", "--watch="}).starts_with("--watch takes no value"));
  CHECK(fault({"get", "instances", "-w=true"}).starts_with("-w takes no value"));
}

TEST_CASE("numbers are decimal (trap 7)") {
  CHECK(get({"instances", "--limit", "10"}).limit == 10);
  for (const char* bad : {"010", "0x10", "1e3", "-1", "", "99999999999"}) {
    CAPTURE(bad);
    CHECK(
        fault({"get", "instances", "--limit", bad}).starts_with("--limit: \"" + std::string(bad) + "\" is no number"));
  }
}

TEST_CASE("the last of a repeated scalar wins (trap 8)") {
  CHECK(get({"instances", "--limit", "1", "--limit=2"}).limit == 2);
  CHECK(parse_with({"-o", "wide", "get", "instances", "-o", "json"}).globals.output == "json");
}

TEST_CASE("what stands behind -- is never a flag (trap 12)") {
  CHECK(get({"instances", "--", "-w", "--help", "--"}).names == Words{"-w", "--help", "--"});
  CHECK(got.watch == false);
  CHECK(get({"--", "instances"}).kind == "instances");
}

TEST_CASE("brackets and braces are letters (trap 13)") {
  CHECK(get({"instances", "[a,b]", "{}", "%%", "++"}).names == Words{"[a,b]", "{}", "%%", "++"});
  CHECK(get({"instances", "-l", "[a,b]"}).labels == Words{"[a,b]"});
  CHECK(apply({"-f", "-"}).files == Words{"-"});
  CHECK(get({"instances", "-"}).names == Words{"-"});
  CHECK(get({"instances", ""}).names == Words{""});
}

TEST_CASE("an empty value stays empty and eats no neighbour") {
  CHECK(apply({"--reason=", "-f", "x"}).reason.empty());
  CHECK(applied.files == Words{"x"});
  CHECK(apply({"-f", "x", "--reason", ""}).reason.empty());
  CHECK(apply({"-f=", "--dry-run"}).files == Words{""});
  CHECK(applied.dry_run);
}

TEST_CASE("a flag without its value says so instead of eating a flag") {
  CHECK(fault({"apply", "-f"}).starts_with("-f,--filename FILE needs a value"));
  CHECK(fault({"apply", "-f", "--dry-run"}).starts_with("-f,--filename FILE needs a value"));
  CHECK(fault({"apply", "-f", "--", "x"}).starts_with("-f,--filename FILE needs a value"));
  CHECK(fault({"get", "instances", "-vl"}).starts_with("-l,--selector KEY=VALUE needs a value"));
  CHECK(apply({"-f", "x", "--reason", "-5 % load"}).reason == "-5 % load");
  CHECK(apply({"-f", "x", "--reason=--dry-run"}).reason == "--dry-run");
}

TEST_CASE("the environment stands behind the flag; empty is unset (traps 2, 3, 14)") {
  CHECK(get({"instances"}, {{"ORCTL_TIMEOUT", "5m"}}).timeout == 5min);
  CHECK(get({"instances", "--timeout", "1s"}, {{"ORCTL_TIMEOUT", "5m"}}).timeout == 1s);
  CHECK(get({"instances"}, {{"ORCTL_TIMEOUT", ""}}).timeout == 3s);
  CHECK(fault({"get", "instances"}, {{"ORCTL_TIMEOUT", "soon"}}).starts_with("ORCTL_TIMEOUT: \"soon\" is no duration"));
  CHECK(parse_with({"apply", "-f", "x"}, {{"ORCTL_TIMEOUT", "soon"}}).command->info.name == "apply");
  CHECK(parse_with({"version"}, {{"ORCTL_ROOT", "/r"}}).globals.root == "/r");
  CHECK(parse_with({"version", "--root=/s"}, {{"ORCTL_ROOT", "/r"}}).globals.root == "/s");
  CHECK(fault({"version", "--root="}).starts_with("--root: the folder's name is empty"));
}

TEST_CASE("durations and optionals") {
  CHECK(get({"instances", "--timeout", "500ms"}).timeout == 500ms);
  CHECK(fault({"get", "instances", "--timeout", "3"}) ==
        "--timeout: \"3\" is no duration | write it as 500ms, 3s, 5m or 1h");
  CHECK_FALSE(get({"instances"}).sort);
  CHECK(get({"instances", "--sort", "port"}).sort == "port");
}

TEST_CASE("choices are refused with the list and the nearest") {
  CHECK(fault({"get", "instances", "--side", "lvie"}) ==
        "--side: \"lvie\" is none of live, stored | did you mean \"live\"?");
  CHECK(fault({"get", "instnces"}) ==
        "KIND: \"instnces\" is none of instances, upstreams | did you mean \"instances\"?");
  CHECK(fault({"--color", "alwys", "version"}).starts_with("--color: \"alwys\" is none of auto, always, never"));
}

TEST_CASE("what is missing is named, all of it") {
  CHECK(fault({"apply"}).starts_with("missing -f,--filename FILE"));
  CHECK(fault({"get"}).starts_with("missing KIND"));
  CHECK(fault({"name", "check"}).starts_with("missing NAME"));
}

TEST_CASE("too many arguments: the first extra one is named") {
  CHECK(fault({"apply", "-f", "a.toml", "b.toml", "c.toml"}).starts_with("unexpected argument \"b.toml\""));
  CHECK(fault({"version", "x"}) == "unexpected argument \"x\" | \"orctl version\" takes flags only");
}

TEST_CASE("-o is checked against what the command can write") {
  CHECK(fault({"get", "instances", "-o", "jsno"}).find("did you mean \"json\"?") != std::string::npos);
  CHECK(fault({"version", "-o", "json"}) == "\"version\" has one format only | leave out -o,--output");
  CHECK(parse_with({"get", "instances", "-o", "jsonpath={.items}"}).globals.output == "jsonpath={.items}");
}

TEST_CASE("help wins over all that is missing or wrong") {
  CHECK(parse_with({"apply", "--help"}).globals.help);
  CHECK(parse_with({"apply", "--nonsense", "-h"}).command->info.name == "apply");
  CHECK(parse_with({"--help", "get"}).command->info.name == "get");
  CHECK(parse_with({"help", "name", "check"}).command->info.name == "name check");
  CHECK(parse_with({"help"}).command == nullptr);
  CHECK(parse_with({}).globals.help);
  CHECK(parse_with({"name"}).topic == "name");
  CHECK(parse_with({"help", "name"}).topic == "name");
  CHECK(parse_with({"apply", "-vh"}).globals.help);
  CHECK(parse_with({"apply", "-f", "--help"}).globals.help);
  CHECK(fault({"help", "aply"}).starts_with("unknown command \"aply\""));
}

TEST_CASE("the wanted output is known even when the rest is wrong") {
  const auto wanted = [](const Words& args) {
    std::string output;
    CHECK_THROWS_AS(parse(
                        table(), args, [](const std::string&) { return std::string(); }, output),
                    Error);
    return output;
  };
  CHECK(wanted({"frobnicate", "-o", "json"}) == "json");
  CHECK(wanted({"-o=json", "get", "--nonsense"}) == "json");
  CHECK(wanted({"apply", "--output=json"}) == "json");
  CHECK(wanted({"get", "-ojson"}) == "json");
  CHECK(wanted({"get", "--", "-o", "json", "--"}).empty());
}

namespace {

/// "color" and "output" of a configuration file.
Config some_config(const std::string& colour, const std::string& output) {
  return read_config({{{"c.toml", "color = '" + colour + "'\noutput = '" + output + "'\n"}}}, Policy::Risk::high,
                     "c.toml");
}

GlobalFlags globals_of(const Words& args, const Variables& variables, const Config& config) {
  std::string wanted;
  const auto env = [&](const std::string& name) {
    const auto it = variables.find(name);
    return it == variables.end() ? std::string() : it->second;
  };
  return parse(table(), args, env, wanted, [&](const GlobalFlags&) { return config; }).globals;
}

}  // namespace

TEST_CASE("a flag wins over the environment, the environment over the configuration") {
  const Config config = some_config("never", "wide");
  CHECK(globals_of({"get", "instances"}, {}, config).colour == "never");
  CHECK(globals_of({"get", "instances"}, {{"ORCTL_COLOR", "always"}}, config).colour == "always");
  CHECK(globals_of({"get", "instances", "--color=auto"}, {{"ORCTL_COLOR", "always"}}, config).colour == "auto");
  CHECK(globals_of({"get", "instances"}, {{"NO_COLOR", "1"}}, config).colour == "auto");
}

TEST_CASE("a format that was not asked for on the command line is for the commands that have it") {
  const Config config = some_config("auto", "wide");
  CHECK(globals_of({"get", "instances"}, {}, config).output == "wide");
  CHECK(globals_of({"get", "instances"}, {{"ORCTL_OUTPUT", "json"}}, config).output == "json");
  CHECK(globals_of({"apply", "-f", "x"}, {}, config).output.empty());
  CHECK(globals_of({"apply", "-f", "x"}, {{"ORCTL_OUTPUT", "table"}}, config).output.empty());
  CHECK(globals_of({"version"}, {{"ORCTL_OUTPUT", "json"}}, config).output.empty());
  CHECK_THROWS_AS(globals_of({"get", "instances"}, {{"ORCTL_OUTPUT", "jsno"}}, config), Error);
}

TEST_CASE("a configuration with a fault gives nothing") {
  const Config config = some_config("sometimes", "wide");
  CHECK(has_errors(config.found));
  CHECK(globals_of({"get", "instances"}, {}, config).output.empty());
}

TEST_CASE("any arguments are understood or refused as usage, never anything else") {
  const Words tokens = {"get",  "apply",   "name",      "check",     "help",        "instances",  "-o",
                        "-o=",  "-o=json", "-ojson",    "--output",  "--output=",   "-v",         "-vv",
                        "-vo",  "-f",      "-f=",       "-fx",       "--filename=", "--",         "-",
                        "",     "=",       "-=",        "--=",       "---",         "-l",         "-wl",
                        "-h",   "--limit", "--limit=3", "--watch=x", "--root",      "--version",  "++",
                        "{}",   "[a,b]",   "[",         "%%",        "!x",          "-!",         "- ",
                        "\xff", "\n",      "-\n",       "--a b",     "/?",          "--no-watch", "\"'`$("};
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    Words args;
    for (size_t n = random() % 8; n > 0; --n) args.push_back(tokens[random() % tokens.size()]);
    std::string all;
    for (const std::string& arg : args) all += "[" + arg + "]";
    CAPTURE(all);
    try {
      const Parsed parsed = parse_with(args);
      CHECK((parsed.globals.help || parsed.call != nullptr));
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::usage);
      CHECK(std::string(e.what()) != "");
    }
  }
}
