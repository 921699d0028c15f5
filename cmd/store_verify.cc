#include "answer/store_faults.h"
#include "cli/command.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("INST", o.names, "only what concerns these; none: the whole store"); }

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("StoreFaultList");
  std::vector<StoreFault> all = verify_store(world);
  if (all.empty() && !world.git.exists()) {
    io.note("There is no version store yet.");
    return Exit::ok;
  }
  const std::vector<StoreFault> faults = store_faults(o.names, std::move(all));
  for (const StoreFault& one : faults) {
    io.item(store_fault_item(one));
    io.print(one.text() + "\n  mend it with: " + one.mend() + "\n");
  }
  if (faults.empty()) io.print("the version store is sound\n");
  return faults.empty() ? Exit::ok : Exit::no;
}

}  // namespace

Command store_verify_command() {
  return command<Options>(
      {"store verify",
       "check that all versions in the store can be read",
       {{"Check the store of this host", "orctl store verify"},
        {"What is damaged of one instance", "orctl store verify prd_payment_001_8080"}},
       "Reads every ref, object and pack, and names what is damaged or missing, which revision needs it, and the "
       "command that mends it. Exit code 1 when anything is.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
