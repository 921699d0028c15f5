#include "store/audit.h"

#include <fmt/format.h>

#include "base/rights.h"
#include "store/history.h"

namespace orctl {

void write_audit(World& world, const std::string& name, const RevisionNote& note, const Value& what,
                 const std::function<void(const std::string&)>& tell) {
  Value line = Value::object();
  line.set("time", world.clock.now());
  line.set("instance", name);
  line.set("user", note.author);
  line.set("command", note.command);
  line.set("reason", note.reason);
  for (const Value::Member& member : what.members()) line.set(member.key, member.value);
  try {
    world.fs.append(world.layout.audit(), to_json(line) + "\n", rights::secret_file);
  } catch (const Error& e) {
    tell(fmt::format("{}: the audit log was not written: {}", name, e.what()));
  }
}

}  // namespace orctl
