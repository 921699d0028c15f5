#include <fmt/format.h>

#include "change/tag.h"
#include "shared/change.h"
#include "store/history.h"

namespace orctl {
namespace {

struct Options {
  std::string instance, name;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.instance, "instance").required();
  f.positional("NAME", o.name, "tag").required();
  add_reason_flags(f, o.change);
  add_time_flags(f, o.change);
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("TagResult");
  if (revisions(world, o.instance, 1).empty()) throw no_revisions(world, o.instance);
  const Request request = make_request(o.change, world, fmt::format("tag delete {} {}", o.instance, o.name));
  delete_tag(o.instance, o.name, world, request, remarks(io));
  io.changed(true);
  io.item(Value(Value::Object{{"name", o.instance}, {"tag", o.name}, {"result", "deleted"}, {"changed", true}}));
  io.print(fmt::format("{} tag {} deleted\n", o.instance, o.name));
  return Exit::ok;
}

}  // namespace

Command tag_delete_command() {
  return command<Options>({"tag delete",
                           "take a tag away from its revision",
                           {{"Take a tag away", "orctl tag delete prd_payment_001_8080 before-black-friday"}},
                           "The revision stays.",
                           {"text", "json"}},
                          flags, run);
}

}  // namespace orctl
