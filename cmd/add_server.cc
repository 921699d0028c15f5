#include "base/text.h"
#include "manifest/host_policy.h"
#include "shared/override.h"

namespace orctl {
namespace {

struct Options {
  OverrideOptions common;
  std::optional<std::string> weight;
  int max_conns = 0;
  bool backup = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST/UP/SERVER", o.common.servers, "servers to add; INST and UP may be patterns").required();
  f.add("--weight", o.weight, "share of the requests, relative to the others").value("N");
  f.add("--backup", o.backup, "used only when no other server can be");
  f.add("--max-conns", o.max_conns, "most requests at a time (0: no limit)");
  add_override_flags(f, o.common, Reason::required, Wait::no);
}

AddedServer server_of(const Options& o) {
  const auto weight = parse_number(o.weight.value_or("1"), 1000);
  if (!weight || *weight == 0)
    throw Error(Exit::usage, "--weight: '" + *o.weight + "' is no weight", "a number from 1 to 1000");
  return {*weight, o.backup, o.max_conns};
}

Exit run(const Options& o, World& world, Io& io) {
  OverrideChange change;
  change.add = server_of(o);
  for (const ServerPath& path : parse_paths(o.common.servers, PathDepth::server))
    if (!is_pattern(path.server)) require_allowed(path.server, path.instance + "/" + path.upstream, world);
  return run_override("add server", "added", change, chosen_servers(o.common, choose_places, world, io), o.common,
                      world, io);
}

}  // namespace

Command add_server_command() {
  return command<Options>(
      {"add server",
       "add a server to an upstream for a time",
       {{"Add a server", "orctl add server prd_pay_001_8080/pay/10.0.0.9:8080 --weight 5 --reason 'more load'"},
        {"Keep it", "orctl overrides promote prd_pay_001_8080/pay/10.0.0.9:8080 --reason 'the load stays'"}},
       "It gets requests at once. A server that remove server took away comes back. Ends with --for, remove server or "
       "overrides discard.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
