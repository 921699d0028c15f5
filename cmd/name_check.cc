#include <fmt/format.h>

#include "cli/command.h"
#include "manifest/load.h"

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
    Value item = Value::object();
    item.set("name", text);
    item.set("valid", checked.name.has_value());
    if (!checked.suggestion.empty()) item.set("suggestion", checked.suggestion);
    io.item(std::move(item));
    if (checked.name) io.print(text + " valid\n");
    for (const NameFault& fault : checked.faults) {
      Diagnostic d{Severity::error, "bad-name", "", {}, fault.part, fault.text, "", ""};
      d.text = fmt::format("'{}': {} {}", text, fault.part, fault.text);
      d.field = "";
      d.hint = checked.suggestion.empty() ? "for example prd_payment_001_8080"
                                          : "did you mean '" + checked.suggestion + "'?";
      io.error(d);
    }
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
