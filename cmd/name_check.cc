#include "answer/names.h"
#include "cli/command.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("NAME", o.names, "names to check").required(); }

Exit run(const Options& o, const World&, Io& io) {
  io.kind("NameList");
  bool all = true;
  for (const std::string& text : o.names) {
    const NameCheck checked = check_name(text);
    io.item(name_item(text, checked));
    if (checked.name) io.print(text + " valid\n");
    for (const Diagnostic& d : name_faults(text, checked)) io.error(d);
    all = all && checked.name;
  }
  return all ? Exit::ok : Exit::no;
}

}  // namespace

Command name_check_command() {
  return command<Options>({"name check",
                           "check instance names",
                           {{"Check one name", "orctl name check prd_payment_001_8080"}},
                           "A name is env_module_seq_port: an environment (prd, pre, stg, uat, tst, dev), a module, "
                           "three digits from 001 to 999, and a port.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
