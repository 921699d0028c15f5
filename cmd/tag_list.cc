#include "answer/tags.h"
#include "cli/command.h"
#include "cli/show_answer.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, deleted ones too, or patterns such as 'prd_*'; none: all");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind(tags_noun().kind);
  return show_answer(io, tags_noun(), list_tags(o.names, world));
}

}  // namespace

Command tag_list_command() {
  return command<Options>({"tag list",
                           "list the tags of revisions",
                           {{"All tags of an instance", "orctl tag list prd_payment_001_8080"}},
                           "",
                           {"table", "wide", "json"}},
                          flags, run);
}

}  // namespace orctl
