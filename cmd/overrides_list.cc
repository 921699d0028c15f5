#include "answer/overrides.h"
#include "cli/command.h"
#include "cli/show_answer.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> paths, labels;
};

void flags(Flags& f, Options& o) {
  f.positional("INST[/UP[/SERVER]]", o.paths, "whose overrides, or patterns; none: all");
  f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(overrides_noun().kind);
  std::vector<ServerPath> paths;
  for (const std::string& text : o.paths) paths.push_back(parse_server_path(text, PathDepth::instance));
  return show_answer(io, overrides_noun(), list_overrides_below(paths, o.labels, world));
}

}  // namespace

Command overrides_list_command() {
  return command<Options>({"overrides list",
                           "list what operators have changed for a time: who, why, how long",
                           {{"All overrides of the host", "orctl overrides list"},
                            {"Those of one upstream", "orctl overrides list prd_pay_001_8080/pay"}},
                           "An instance that does not run has none that can be asked; they come back when it starts.",
                           {"table", "json", "name"}},
                          flags, run);
}

}  // namespace orctl
