#include <algorithm>

#include "answer/store_faults.h"
#include "base/text.h"
#include "cli/command.h"
#include "model/server_path.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("INST", o.names, "only what concerns these; none: the whole store"); }

/// Throws for a plain name that neither the store nor a fault of it knows; returns the patterns that match none.
std::vector<std::string> require_recorded(const std::vector<std::string>& names, const std::vector<StoreFault>& faults,
                                          const World& world) {
  std::vector<std::string> known = recorded_ids(world), unmatched;
  for (const auto& [name, tree] : lost_instances(world)) known.push_back(name);
  for (const StoreFault& fault : faults) known.push_back(fault.instance);
  for (const std::string& name : names) {
    if (std::any_of(known.begin(), known.end(), [&](const std::string& one) { return glob_match(name, one); }))
      continue;
    if (!is_pattern(name))
      throw Error(Exit::absent, "the store knows no '" + name + "'", "orctl store verify checks all of it");
    unmatched.push_back(name);
  }
  return unmatched;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("StoreFaultList");
  std::vector<StoreFault> all = verify_store(world);
  if (all.empty() && !world.git.exists()) {
    io.note("There is no version store yet.");
    return Exit::ok;
  }
  const std::vector<std::string> unmatched = require_recorded(o.names, all, world);
  const std::vector<StoreFault> faults = store_faults(o.names, std::move(all));
  for (const StoreFault& one : faults) {
    io.item(store_fault_item(one));
    io.print(one.text() + "\n  mend it with: " + one.mend() + "\n");
  }
  for (const std::string& pattern : unmatched) io.note("No instance matches '" + pattern + "'.");
  if (faults.empty() && unmatched.empty()) io.print("the version store is sound\n");
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
