#include "answer/fields.h"
#include "cli/command.h"

namespace orctl {
namespace {

struct Options {
  std::string field;
};

void flags(Flags& f, Options& o) {
  f.positional("FIELD", o.field,
               "kind, or kind.field.field, for example instance.upstream.server.weight; config is orctl's own")
      .required();
}

Exit run(const Options& o, const World&, Io& io) {
  io.kind("FieldDescription");
  Value item = field_item(o.field);
  io.print(field_text(item));
  io.item(std::move(item));
  return Exit::ok;
}

}  // namespace

Command explain_command() {
  return command<Options>({"explain",
                           "describe a field of a manifest or of the configuration",
                           {{"All fields of an instance", "orctl explain instance"},
                            {"One field", "orctl explain instance.upstream.server.weight"},
                            {"The configuration of orctl itself", "orctl explain config"}},
                           "Tells type, default, range, examples, and what changing the field costs a running "
                           "instance: none, hot, reload or restart.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
