#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cli/command.h"
#include "manifest/load.h"
#include "store/history.h"

namespace orctl {
namespace {

struct Options {
  std::string env, module, port;
  std::vector<std::string> files;
};

void flags(Flags& f, Options& o) {
  f.positional("ENV", o.env, "environment").required();
  f.positional("MODULE", o.module, "module").required();
  f.add("--port", o.port, "port of the new instance").value("N").required();
  f.add("-f,--filename", o.files,
        "manifests whose names are taken, besides those of the store; their Fleet says what names may be made of")
      .value("FILE");
}

Exit run(const Options& o, const World& world, Io& io) {
  std::set<std::string> taken;
  const auto take = [&](const Name& name) { taken.insert(name.group()); };
  for (const std::string& name : known_instances(world)) take(known_name(name));
  NameRules rules;
  if (!o.files.empty()) {
    const Manifests manifests = load(o.files, Recurse::no, world);
    for (const Diagnostic& d : manifests.found) d.severity == Severity::error ? io.error(d) : io.warn(d);
    if (!manifests.valid())
      throw Error(Exit::refused, "the manifests are not valid, so not all names are known",
                  "mend what is marked above");
    for (const Loaded& loaded : manifests.instances) take(loaded.instance.name);
    if (!manifests.rules.empty()) rules = manifests.rules.front();
  }
  for (int seq = 1; seq <= 999; ++seq) {
    const std::string text = fmt::format("{}_{}_{:03}_{}", o.env, o.module, seq, o.port);
    const NameCheck checked = check_name(text, rules);
    if (!checked.name)
      throw Error(Exit::usage, fmt::format("'{}': {} {}", text, checked.faults[0].part, checked.faults[0].text),
                  checked.suggestion.empty() ? "for example: orctl name next prd payment --port 8080"
                                             : "did you mean '" + checked.suggestion + "'?");
    if (taken.contains(checked.name->group())) continue;
    io.kind("Name");
    io.item(Value(Value::Object{{"name", text}}));
    io.print(text + "\n");
    return Exit::ok;
  }
  throw Error(Exit::no, fmt::format("all numbers from 001 to 999 of {}_{} are taken", o.env, o.module),
              "choose another module");
}

}  // namespace

Command name_next_command() {
  return command<Options>(
      {"name next",
       "print the next free instance name",
       {{"The next free name for a payment instance on port 8080", "orctl name next prd payment --port 8080"},
        {"The same, beside the manifests of a folder", "orctl name next prd payment --port 8080 -f manifests/"}},
       "Names in the store, those of deleted instances too, and in the manifests given are taken.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
