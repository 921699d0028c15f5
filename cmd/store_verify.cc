#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "store/check.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("INST", o.names, "only what concerns these; none: the whole store"); }

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("StoreFaultList");
  const std::vector<StoreFault> faults = verify_store(world);
  if (faults.empty() && !world.git.exists()) {
    io.note("There is no version store yet.");
    return Exit::ok;
  }
  size_t number = 0;
  for (const StoreFault& one : faults) {
    const auto named = [&](const std::string& pattern) { return glob_match(pattern, one.instance); };
    if (!o.names.empty() && !std::any_of(o.names.begin(), o.names.end(), named)) continue;
    ++number;
    Value item = Value::object();
    item.set("kind", one.fault.kind);
    item.set("what", one.fault.what);
    item.set("why", one.fault.why);
    if (!one.fault.file.empty()) item.set("file", one.fault.file);
    if (!one.instance.empty()) item.set("instance", one.instance);
    if (one.revision != 0) item.set("revision", one.revision);
    if (!one.fault.place.empty()) item.set("place", one.fault.place);
    item.set("mend", one.mend());
    io.item(std::move(item));
    io.print(one.text() + "\n");
    io.print("  mend it with: " + one.mend() + "\n");
  }
  if (number == 0) io.print("the version store is sound\n");
  return number == 0 ? Exit::ok : Exit::no;
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
