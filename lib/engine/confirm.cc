#include "engine/confirm.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/apply.h"
#include "engine/audit.h"
#include "engine/confirm_timer.h"
#include "engine/salvage.h"
#include "model/read.h"

namespace orctl {
namespace {

constexpr size_t largest_record = 65536;

std::string expired_command(const std::string& name) { return "confirm --expired " + name; }

Millis time_left(const Value& record, const World& world) {
  const Millis now = world.clock.uptime();
  const bool same_boot = record.at("boot").as_string() == world.clock.boot();
  const Millis until(record.at(same_boot ? "until_ms" : "within_ms").as_int());
  return std::max(until - now, Millis(0));
}

/// `left`: from now on.
void write_record(const Unconfirmed& wait, Millis left, World& world, const Layout& layout) {
  Value record = Value::object();
  record.set("commit", wait.commit);
  record.set("base", wait.base);
  record.set("revision", wait.revision);
  record.set("within_ms", static_cast<int64_t>(wait.within.count()));
  record.set("boot", world.clock.boot());
  record.set("until_ms", static_cast<int64_t>((world.clock.uptime() + left).count()));
  record.set("author", wait.author);
  record.set("since", world.clock.now());
  world.fs.write(layout.confirm(wait.name), to_json(record) + "\n");
}

/// A store without the revision that waits is an older copy, which knows nothing of it.
void require_known(const Unconfirmed& wait, const World& world, const Layout& layout) {
  try {
    world.git.commit(wait.commit);
  } catch (const Error& e) {
    stop_if_interrupted();
    throw Error(
        Exit::target, e.what(),
        fmt::format("put the newer store back; or look at orctl history {0}, apply what is to be live, then: rm {1}",
                    wait.name, layout.confirm(wait.name)));
  }
}

/// Whether another revision than the one that waits is live, or none. What the store has lost tells nothing: an
/// Error(Exit::target) says so.
bool has_moved_on(const Unconfirmed& wait, const World& world, const Layout& layout) {
  const std::string& name = wait.name;
  try {
    if (const auto applied = world.git.ref(applied_ref(name))) {
      if (*applied == wait.commit) return false;
      load_manifest(world, name, *applied);
      require_known(wait, world, layout);
      return true;
    }
    if (const auto lost = lost_history(name, world, layout)) throw Error(*lost);
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

/// The version that goes live again; nullopt when there was none.
std::optional<Version> version_before(const Unconfirmed& wait, const World& world, const Layout& layout) {
  if (wait.base.empty()) return std::nullopt;
  const Value spec = load_manifest(world, wait.name, wait.base).spec;
  Tree keys = world.fs.read_tree(layout.confirm_keys(wait.name));
  keys.merge(world.fs.read_tree(layout.tree(tree_folder(spec)), tree_ownership(spec, world)));
  std::vector<std::string> missing;
  Version version = load_version(world, wait.base, keys, &missing);
  if (missing.empty()) return version;
  throw Error(Exit::refused, fmt::format("the private key '{}' of what was live before is gone", missing.front()),
              "apply its manifest again once this is confirmed: orctl confirm " + wait.name);
}

void take_back(const Unconfirmed& wait, World& world, const Layout& layout, Request request,
               const std::function<void(const std::string&)>& note) {
  request.note.reason = wait.reason();
  request.note.command = expired_command(wait.name);
  request.ends_wait = true;
  const Observed now = observe(wait.name, world, layout);
  const Plan plan = make_plan(now, version_before(wait, world, layout), world, layout);
  if (plan.empty()) return end_wait(wait.name, world, layout);  // what was live before was the same
  const Outcome outcome = apply(plan, world, layout, request, note).front();
  if (outcome.error) throw Error(*outcome.error);
  note(fmt::format("{}: nobody confirmed revision {} within {}: it was taken back by revision {}", wait.name,
                   wait.revision, span_text(wait.within), outcome.revision));
}

}  // namespace

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

std::optional<Unconfirmed> armed(const std::string& name, const World& world, const Layout& layout) {
  const std::string path = layout.confirm(name);
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

std::optional<Unconfirmed> unconfirmed(const std::string& name, const World& world, const Layout& layout) {
  auto wait = armed(name, world, layout);
  if (wait && has_moved_on(*wait, world, layout)) wait.reset();
  return wait;
}

bool was_taken_back(const std::string& name, const World& world) {
  const auto newest = revisions(world, name, 1);
  if (newest.empty() || newest.front().command != expired_command(name)) return false;
  return newest.front().outcome == "applied" || newest.front().outcome == "deleted";
}

void refuse_unconfirmed(const Plan& plan, const World& world, const Layout& layout) {
  for (const InstancePlan& one : plan.instances) {
    if (!one.makes_revision()) continue;
    if (const auto wait = unconfirmed(one.name, world, layout))
      throw Error(Exit::guard,
                  fmt::format("revision {} of {} waits for its confirmation ({}); nothing was changed", wait->revision,
                              one.name, wait->expired() ? "overdue" : wait->left_text() + " left"),
                  fmt::format("keep it: orctl confirm {}; or go back: {}", one.name, wait->way_back()));
  }
}

void arm_confirm(const Unconfirmed& wait, const Tree& before, const Request& request, World& world,
                 const Layout& layout) {
  const std::string record = layout.confirm(wait.name), keys = layout.confirm_keys(wait.name);
  world.fs.make_folders(record.substr(0, record.rfind('/')));
  world.fs.remove(keys);
  Tree secrets;
  for (const auto& [path, file] : before)
    if (is_secret(path, file)) secrets[path] = {file.content, 0600};
  Ownership nobody_else;
  nobody_else.folder_mode = 0700;
  if (!secrets.empty()) world.fs.write_tree(keys, secrets, nobody_else);
  write_record(wait, wait.within, world, layout);
  start_confirm_timer(wait.name, wait.within, request.verify_limit, world, layout);
}

void restart_count(const std::string& name, World& world, const Layout& layout) {
  if (const auto wait = armed(name, world, layout)) write_record(*wait, wait->within, world, layout);
}

void end_wait(const std::string& name, World& world, const Layout& layout) {
  world.fs.remove(layout.confirm(name));
  world.fs.remove(layout.confirm_keys(name));
  world.fs.remove(layout.confirm_trial(name));
  stop_confirm_timer(name, world, layout);
}

void follow_wait(const std::string& name, const Follow& follow, const Request& request, World& world,
                 const Layout& layout, const std::function<void(const std::string&)>& tell) {
  std::optional<Unconfirmed> wait;
  try {
    wait = armed(name, world, layout);
  } catch (const Error&) {
    return stop_if_interrupted();  // Held has told it
  }
  if (!wait) return;
  const auto now = follow.moved.find(wait->commit), base = follow.moved.find(wait->base);
  const std::string commit = now != follow.moved.end()           ? now->second
                             : follow.live == Follow::Live::made ? follow.commit
                                                                 : "";
  const bool way_back = wait->base.empty() || base != follow.moved.end();
  if (commit.empty() || commit != follow.commit || !way_back) {
    end_wait(name, world, layout);
    return tell(fmt::format("{}: revision {} waits for no confirmation any more: {}", name, wait->revision,
                            way_back ? "it is not what is live" : "what was live before it is lost"));
  }
  if (commit == wait->commit && (wait->base.empty() || base->second == wait->base)) return;
  tell(fmt::format("{}: revision {} waits for its confirmation as revision {}", name, wait->revision, follow.revision));
  wait->commit = commit;
  wait->revision = follow.revision;
  if (!wait->base.empty()) wait->base = base->second;
  write_record(*wait, wait->left, world, layout);
  stop_confirm_timer(name, world, layout);
  start_confirm_timer(name, std::max(wait->left, Millis(1)), request.verify_limit, world, layout);
}

void confirm(const Unconfirmed& wait, const Request& request, World& world, const Layout& layout,
             const std::function<void(const std::string&)>& tell) {
  end_wait(wait.name, world, layout);
  Value what = Value::object();
  what.set("revision", wait.revision);
  what.set("outcome", "confirmed");
  write_audit(world, layout, wait.name, request.note, what, tell);
}

void drop_stale_wait(const std::string& name, World& world, const Layout& layout, const Request& request,
                     const std::function<void(const std::string&)>& note) {
  try {
    const auto wait = armed(name, world, layout);
    if (!wait || unconfirmed(name, world, layout)) return;
    if (was_taken_back(name, world)) {
      const FileLock lock = world.git.lock(request.lock_wait);
      note_outcome(world, wait->commit, "rolled-back", wait->reason(), Millis(0));
    }
    end_wait(name, world, layout);
  } catch (const Error& e) {
    const auto newest = request.ends_wait ? revisions(world, name, 1) : std::vector<Revision>{};
    if (!newest.empty() && newest.front().deletes && !world.git.ref(applied_ref(name)))
      return end_wait(name, world, layout);  // of one that is deleted nothing waits, whatever lies there
    // it is kept for whoever comes next
    note(fmt::format("{}: {}", name, e.what()));
  }
}

namespace {

/// Not where it cannot be told, which drop_stale_wait() has said.
bool is_live(const Unconfirmed& wait, const World& world, const Layout& layout) {
  try {
    return !has_moved_on(wait, world, layout);
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

}  // namespace

void settle_unconfirmed(const std::string& name, World& world, const Layout& layout, const Request& request,
                        const std::function<void(const std::string&)>& note) {
  drop_stale_wait(name, world, layout, request, note);
  if (request.ends_wait) return;
  const auto wait = armed(name, world, layout);
  if (!wait || !wait->expired() || !is_live(*wait, world, layout)) return;
  const Uninterrupted shield;
  try {
    take_back(*wait, world, layout, request, note);
  } catch (const Error& e) {
    note(fmt::format("{}: nobody confirmed revision {} in time, and it could not be taken back: {}", name,
                     wait->revision, e.what()));
  }
}

}  // namespace orctl
