#include "change/tag.h"

#include <fmt/format.h>

#include "shared/change.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

struct Options {
  std::string instance, revision, name;
  bool move = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.instance, "instance").required();
  f.positional("REV", o.revision, std::string("revision: ") + revision_words).required();
  f.positional("NAME", o.name, "the tag: a letter, then letters, digits, '.', '_' and '-'").required();
  f.add("--move", o.move, "take the name from the revision that has it now");
  add_reason_flags(f, o.change);
  add_time_flags(f, o.change);
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("TagResult");
  const Revision revision = find_revision(world, o.instance, o.revision);
  const Request request =
      make_request(o.change, world, fmt::format("tag {} {} {}", o.instance, revision.number, o.name));
  const bool changed =
      set_tag(o.instance, revision, o.name, o.move ? Retag::yes : Retag::no, world, request, remarks(io));
  io.changed(changed);
  io.item(Value(Value::Object{{"name", o.instance},
                              {"revision", static_cast<int64_t>(revision.number)},
                              {"tag", o.name},
                              {"result", changed ? "tagged" : "unchanged"},
                              {"changed", changed}}));
  io.print(fmt::format("{} revision {} {}: {}\n", o.instance, revision.number,
                       changed ? "tagged" : "unchanged, it has the tag", o.name));
  return Exit::ok;
}

}  // namespace

Command tag_command() {
  return command<Options>(
      {"tag",
       "give a revision a name",
       {{"Name what is live", "orctl tag prd_payment_001_8080 live before-black-friday"},
        {"Go back to it", "orctl rollback prd_payment_001_8080 --to before-black-friday"},
        {"Which names are there?", "orctl tag list"}},
       "A tag may stand wherever a revision is named. In the store it is the tag INST/NAME of git. The revision keeps "
       "its number, and nothing that runs is touched.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
