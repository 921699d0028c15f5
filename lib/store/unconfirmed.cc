#include "store/unconfirmed.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/read.h"
#include "store/history.h"
#include "store/lost.h"

namespace orctl {
namespace {

constexpr size_t largest_record = 65536;

Millis time_left(const Value& record, const World& world) {
  const Millis now = world.clock.uptime();
  const bool same_boot = record.at("boot").as_string() == world.clock.boot();
  const Millis until(record.at(same_boot ? "until_ms" : "within_ms").as_int());
  return std::max(until - now, Millis(0));
}

/// A store without the revision that waits is an older copy, which knows nothing of it.
void require_known(const Unconfirmed& wait, const World& world) {
  try {
    world.git.commit(wait.commit);
  } catch (const Error& e) {
    stop_if_interrupted();
    throw Error(
        Exit::target, e.what(),
        fmt::format("put the newer store back; or look at orctl history {0}, apply what is to be live, then: rm {1}",
                    wait.name, world.layout.confirm(wait.name)));
  }
}

}  // namespace

std::string expired_command(const std::string& name) { return "confirm --expired " + name; }

int64_t Unconfirmed::seconds_left() const { return std::chrono::ceil<std::chrono::seconds>(left).count(); }

std::string Unconfirmed::left_text() const { return expired() ? "overdue" : span_text(Millis(seconds_left() * 1000)); }

std::string Unconfirmed::line() const {
  if (expired()) return "nobody confirmed it in time: the next changing command takes it back";
  return confirm_line(name, Millis(seconds_left() * 1000));
}

std::string Unconfirmed::reason() const { return "not confirmed within " + span_text(within); }

std::string Unconfirmed::way_back() const { return (base.empty() ? "orctl delete " : "orctl rollback ") + name; }

std::string confirm_line(const std::string& name, Millis left) {
  return fmt::format("goes back in {} unless somebody says: orctl confirm {}", span_text(left), name);
}

std::optional<Unconfirmed> armed(const std::string& name, const World& world) {
  const std::string path = world.layout.confirm(name);
  if (!world.fs.exists(path)) return std::nullopt;
  const Error broken(Exit::conflict, fmt::format("'{}' is not what orctl wrote there", path),
                     fmt::format("look at it, decide with: orctl history {}; then remove it: rm {}", name, path));
  Diagnostics found;
  std::optional<Value> record;
  try {
    record = read_json({path, world.fs.read(path, largest_record)}, found);
  } catch (const Error& e) {
    stop_if_interrupted();
    const auto stat = world.fs.stat(path);
    const bool sound = stat && stat->kind == Fs::Kind::file && static_cast<size_t>(stat->size) <= largest_record;
    throw Error(e.exit(), e.what(), sound && !e.hint().empty() ? e.hint() : broken.hint());
  }
  if (!record || !record->is_object()) throw Error(broken);
  for (const char* key : {"commit", "base", "boot", "author"})
    if (record->find(key) == nullptr || !record->at(key).is_string()) throw Error(broken);
  for (const char* key : {"revision", "within_ms", "until_ms"})
    if (record->find(key) == nullptr || !record->at(key).is_int()) throw Error(broken);
  Unconfirmed wait;
  wait.name = name;
  wait.commit = record->at("commit").as_string();
  wait.base = record->at("base").as_string();
  wait.revision = static_cast<int>(record->at("revision").as_int());
  wait.within = Millis(record->at("within_ms").as_int());
  wait.left = time_left(*record, world);
  wait.author = record->at("author").as_string();
  return wait;
}

bool has_moved_on(const Unconfirmed& wait, const World& world) {
  const std::string& name = wait.name;
  try {
    if (const auto applied = world.git.ref(applied_ref(name))) {
      if (*applied == wait.commit) return false;
      load_manifest(world, name, *applied);
      require_known(wait, world);
      return true;
    }
    if (const auto lost = lost_history(name, world)) throw Error(*lost);
    if (has_lost_applied(world, name)) throw lost_ref(applied_ref(name), "its last revision was applied");
    return true;
  } catch (const Error& e) {
    stop_if_interrupted();
    throw Error(e.exit(),
                fmt::format("revision {} waits for its confirmation, and whether it is live cannot be told: {}",
                            wait.revision, e.what()),
                e.hint());
  }
}

std::optional<Unconfirmed> unconfirmed(const std::string& name, const World& world) {
  auto wait = armed(name, world);
  if (wait && has_moved_on(*wait, world)) wait.reset();
  return wait;
}

bool was_taken_back(const std::string& name, const World& world) {
  const auto newest = revisions(world, name, 1);
  if (newest.empty() || newest.front().command != expired_command(name)) return false;
  return newest.front().outcome == "applied" || newest.front().outcome == "deleted";
}

}  // namespace orctl
