#include <set>

#include "cli/show_gateway.h"
#include "shared/override.h"
#include "shared/warn_masters.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> paths, labels;
};

void flags(Flags& f, Options& o) {
  f.positional("INST[/UP[/SERVER]]", o.paths, "whose overrides, or patterns; none: all");
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
}

Exit run(const Options& o, const World& world, Io& io) {
  const auto chosen = choose_overrides(parse_paths(o.paths, PathDepth::instance), o.labels, world);
  std::set<std::string> names;
  for (const ServerPath& path : parse_paths(o.paths, PathDepth::instance)) names.insert(path.instance);
  warn_masters(io, select_instances({names.begin(), names.end()}, o.labels, world), world);
  std::vector<GatewayList> lists;
  for (const Override& one : chosen.items) {
    if (lists.empty() || lists.back().instance != one.server.instance) lists.push_back({one.server.instance, {}});
    lists.back().items.push_back(one.item);
  }
  show_overrides(io, lists);
  Failures failures(io);
  for (const Error& fault : chosen.faults) failures.add(fault);
  return failures.exit(0);
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
