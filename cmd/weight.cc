#include "shared/override.h"

namespace orctl {
namespace {

struct Options {
  OverrideOptions common;
  std::string weight;
};

void flags(Flags& f, Options& o) {
  add_servers(f, o.common);
  f.positional("WEIGHT", o.weight, "N, or N% of the manifest's weight").required();
  add_override_flags(f, o.common, Reason::required, Wait::no);
}

Exit run(const Options& o, World& world, Io& io) {
  OverrideChange change;
  change.weight = parse_weight(o.weight);
  return run_override("weight " + o.weight, "weight " + o.weight, change, o.common, world, io);
}

}  // namespace

Command weight_command() {
  return command<Options>(
      {"weight",
       "give a server another weight for a time",
       {{"Half of its requests", "orctl weight prd_pay_001_8080/pay/10.0.0.1:8080 50% --reason 'it runs hot' --for 1h"},
        {"A weight of its own", "orctl weight prd_pay_001_8080/pay/10.0.0.1:8080 5 --reason canary"},
        {"Make it the manifest's",
         "orctl overrides promote prd_pay_001_8080/pay/10.0.0.1:8080 --reason 'canary went well'"}},
       "A percentage follows the manifest's weight when that changes. 0 and 0% send no new requests, and the guard of "
       "drain holds for them.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
