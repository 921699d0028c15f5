#include "answer/description.h"
#include "cli/command.h"
#include "cli/show_answer.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) { f.positional("INST", o.names, "instances, or patterns such as 'prd_*'").required(); }

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("InstanceList");
  Answer answer = describe_instances(o.names, world);
  if (answer.items.empty() && answer.remarks.empty()) io.note("No instances found.");
  tell_remarks(io, answer);
  std::string before;
  for (const Value& item : answer.items) {
    io.print(before + description_text(item));
    io.item(item);
    before = "\n";
  }
  return answer.exit();
}

}  // namespace

Command describe_command() {
  return command<Options>({"describe",
                           "tell everything about an instance",
                           {{"Describe an instance", "orctl describe prd_payment_001_8080"}},
                           "Where its files are, what it was told, what runs, what each worker serves, and which "
                           "overrides operators have made.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
