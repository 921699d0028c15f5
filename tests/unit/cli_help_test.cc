#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/text.h"
#include "cli_sample.h"

using namespace orctl;
using namespace orctl::sample;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const Command& named(const std::string& name) {
  for (const Command& c : table())
    if (c.info.name == name) return c;
  throw std::runtime_error(name);
}

/// Whether `program` FILE accepts `text`; true when it is not installed.
bool accepted(const std::string& program, const std::string& options, const std::string& text) {
  const auto run = [](const std::string& line) { return std::system(line.c_str()) == 0; };
  if (!run("command -v " + program + " >/dev/null 2>&1")) return true;
  char path[] = "/tmp/orctl-help-XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  std::ofstream(path) << text;
  const bool ok = run(program + " " + options + " " + path + " >&2");
  std::remove(path);
  return ok;
}

/// What bash offers for `words`, the last being under the cursor.
std::string offered(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  const std::string script = completion_script(table(), "bash") + "\nCOMP_WORDS=(orctl" + line +
                             "); COMP_CWORD=" + std::to_string(words.size()) +
                             "; _orctl; printf '%s ' \"${COMPREPLY[@]}\"\n";
  char path[] = "/tmp/orctl-bash-XXXXXX";
  REQUIRE(mkstemp(path) >= 0);
  std::ofstream(path) << script;
  FILE* pipe = popen((std::string("bash ") + path).c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) out += static_cast<char>(c);
  pclose(pipe);
  std::remove(path);
  return out;
}

}  // namespace

TEST_CASE("help of a command has examples before usage and flags, and says its effect") {
  const std::string text = help_command(named("apply"));
  CHECK(text.find("Examples:") < text.find("Usage:"));
  CHECK(text.find("Usage:") < text.find("Flags:"));
  CHECK(has(text, "  orctl apply -f,--filename FILE... [flags]\n"));
  CHECK(has(text, "why, for the history (env ORCTL_REASON)"));
  CHECK(has(text, "Changes the host."));
  CHECK(has(text, "11 failed"));
  CHECK(has(help_command(named("get")), "Only reads."));
  CHECK(has(help_command(named("get")), "where to look (live|stored; default live)"));
  CHECK(has(help_command(named("get")), "how long to wait (default 3s;"));
  CHECK(has(help_command(named("get")), "-o, --output FORMAT"));
  CHECK_FALSE(has(help_command(named("version")), "--output"));
}

TEST_CASE("no line of help is wider than 80 cells") {
  std::string all = help_overview(table()) + help_group(table(), "name");
  for (const Command& c : table()) all += help_command(c);
  for (const std::string& line : split(all, '\n')) {
    CAPTURE(line);
    CHECK(display_width(line) <= 80);
    CHECK_FALSE(line.ends_with(" "));
  }
}

TEST_CASE("the overview sorts commands by whether they change the host") {
  const std::string text = help_overview(table());
  const size_t looks = text.find("Commands that only look"), changes = text.find("Commands that change the host");
  CHECK(text.find("  get ") > looks);
  CHECK(text.find("  get ") < changes);
  CHECK(text.find("  apply ") > changes);
  CHECK(text.find("Examples:") < looks);
}

TEST_CASE("the manual is clean mdoc and tells every flag") {
  const std::string page = man_page(table());
  CHECK(accepted("mandoc", "-T lint -W warning", page));
  CHECK(has(page, "ORCTL_TIMEOUT"));
  CHECK(has(page, "dry\\-run"));
}

TEST_CASE("the completion scripts are accepted by their shells") {
  CHECK(accepted("bash", "-n", completion_script(table(), "bash")));
  CHECK(accepted("zsh", "-n", completion_script(table(), "zsh")));
  CHECK(accepted("fish", "-n", completion_script(table(), "fish")));
  CHECK_THROWS_AS(completion_script(table(), "tcsh"), Error);
}

TEST_CASE("bash offers verbs, sub-words, flags, choices and formats") {
  CHECK(offered({""}) == "apply get name version ");
  CHECK(offered({"a"}) == "apply ");
  CHECK(offered({"name", ""}) == "check next ");
  CHECK(offered({"apply", "--d"}) == "--dry-run ");
  CHECK(offered({"get", "inst"}) == "instances ");
  CHECK(offered({"get", "--side", "l"}) == "live ");
  CHECK(offered({"get", "--side", "=", "s"}) == "stored ");
  CHECK(offered({"get", "--side", "="}) == "live stored ");
  CHECK(offered({"get", "-o", "w"}) == "wide ");
  CHECK(offered({"--root", "apply", "--color", "=", "never", "ge"}) == "get ");
  CHECK(offered({"--root", "apply", "get", "--si"}) == "--side ");
  CHECK(offered({"apply", "-f", "/etc/host"}).find("/etc/hosts") != std::string::npos);
}

TEST_CASE("a summary with quotes survives every generator") {
  std::vector<Command> one = {
      command({"say", "Don't \"say\" $(touch /tmp/x) `id` \\ it", {{"It's", ".say 'x'"}}, ".Nm first\n'second"},
              no_flags, version_run)};
  for (const char* shell : {"bash", "zsh", "fish"}) CHECK(accepted(shell, "-n", completion_script(one, shell)));
  CHECK(accepted("mandoc", "-T lint -W warning", man_page(one)));
}
