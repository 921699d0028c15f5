#include "shared/unsuccessful.h"

#include <algorithm>

#include "shared/override.h"
#include "store/audit.h"
#include "store/history.h"

namespace orctl {

void keep_unsuccessful(const Parsed& call, World& world, Exit exit, const std::string& why) {
  constexpr Exit answers[] = {Exit::no, Exit::changed, Exit::rolled_back};
  const bool told = std::find(std::begin(answers), std::end(answers), exit) != std::end(answers);
  if (!call.why || call.command->effect != Effect::changes || told) return;
  std::string command = call.command->info.name, name;
  for (const std::string& one : call.operands) command += " " + one;
  if (!call.operands.empty()) name = call.operands.front().substr(0, call.operands.front().find('/'));
  const RevisionNote note{invoker(world), call.why->reason, command, call.why->ticket};
  write_refusal(world, can_be_stored(name) ? name : "", note, exit, why);
}

}  // namespace orctl
