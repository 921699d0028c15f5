#include "live/object_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "host/target.h"
#include "kind/kind.h"
#include "model/masked.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr Millis poll_interval(50), shortest_run(1000);

/// Runs a program of a kind on the folder `tree` of an object; what it said when it does not accept that.
std::string refusal(World& world, std::vector<std::string> argv, const Value& spec, const std::string& tree,
                    Millis limit) {
  constexpr std::string_view place = "{tree}";
  for (std::string& arg : argv)
    for (size_t at = arg.find(place); at != arg.npos; at = arg.find(place, at + tree.size()))
      arg.replace(at, place.size(), tree);
  const Proc::Result said = world.proc.run(argv, limit);
  if (said.status == 0) return {};
  const std::string words = without_secrets(std::string(trim(said.err.empty() ? said.out : said.err)), spec);
  return fmt::format("{} exits {}{}", argv.front(), said.status, words.empty() ? "" : ": " + words);
}

}  // namespace

void check_object_files(World& world, const Value& spec, const std::string& tree, Millis limit) {
  const Kind& kind = kind_of(spec);
  if (kind.check_files.empty()) return;
  if (const std::string why = refusal(world, kind.check_files, spec, tree, limit); !why.empty())
    throw Error(Exit::refused, "its files are refused: " + why, "mend the manifest by what it says");
}

void prove_object(World& world, const Version& version, Millis limit) {
  const Kind& kind = kind_of(version.spec);
  const std::string tree = world.layout.tree(tree_folder(version.spec));
  if (world.fs.read_tree(tree, tree_ownership(version.spec, world)) != version.tree)
    throw Error(Exit::target, fmt::format("'{}' does not hold its files", tree), "look who else writes there");
  if (kind.prove.empty()) return;
  for (const Deadline end = Deadline::in(limit);; world.clock.pause(poll_interval)) {
    const std::string why = refusal(world, kind.prove, version.spec, tree, std::max(shortest_run, limit));
    if (why.empty()) return;
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for the proof");
    if (end.passed())
      throw Error(Exit::timeout, "what reads its files has not taken them: " + why, "look at what reads these files");
  }
}

}  // namespace orctl
