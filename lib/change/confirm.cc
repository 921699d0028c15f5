#include "change/confirm.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rights.h"
#include "base/text.h"
#include "change/apply.h"
#include "change/confirm_timer.h"
#include "change/held.h"
#include "change/make_plan.h"
#include "change/request.h"
#include "change/restore.h"
#include "host/target.h"
#include "live/observe.h"
#include "model/read.h"
#include "store/audit.h"
#include "store/history.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

/// `left`: from now on.
void write_record(const Unconfirmed& wait, Millis left, World& world) {
  Value record = Value::object();
  record.set("commit", wait.commit);
  record.set("base", wait.base);
  record.set("revision", wait.revision);
  record.set("within_ms", static_cast<int64_t>(wait.within.count()));
  record.set("boot", world.clock.boot());
  record.set("until_ms", static_cast<int64_t>((world.clock.uptime() + left).count()));
  record.set("author", wait.author);
  record.set("since", world.clock.now());
  world.fs.write(world.layout.confirm(wait.name), to_json(record) + "\n");
}

/// The version that goes live again; nullopt when there was none.
std::optional<Version> version_before(const Unconfirmed& wait, const World& world,
                                      const std::function<void(const std::string&)>& note) {
  if (wait.base.empty()) return std::nullopt;
  const Value spec = load_manifest(world, wait.name, wait.base)->spec;
  Restoring from{wait.name, "what was live before"};
  from.live = world.fs.read_tree(world.layout.tree(tree_folder(spec)), tree_ownership(spec, world));
  from.kept = world.fs.read_tree(world.layout.confirm_keys(wait.name));
  try {
    return restore_version(wait.base, from, world, note);
  } catch (const Error& e) {
    if (e.exit() != Exit::refused) throw;
    throw Error(Exit::refused, e.what(), "apply its manifest again once this is confirmed: orctl confirm " + wait.name);
  }
}

void take_back(const Unconfirmed& wait, World& world, Request request,
               const std::function<void(const std::string&)>& note) {
  request.note.reason = wait.reason();
  request.note.command = expired_command(wait.name);
  request.ends_wait = true;
  const Plan plan{{make_plan(observe(wait.name, world), version_before(wait, world, note), world)}};
  if (plan.empty()) return end_wait(wait.name, world);  // what was live before was the same
  const Outcome outcome = apply(plan, world, request, note).front();
  if (outcome.error) throw Error(*outcome.error);
  note(fmt::format("{}: nobody confirmed revision {} within {}: it was taken back by revision {}", wait.name,
                   wait.revision, span_text(wait.within), outcome.revision));
}

}  // namespace

void arm_confirm(const Unconfirmed& wait, const Tree& before, const Request& request, World& world) {
  const std::string record = world.layout.confirm(wait.name), keys = world.layout.confirm_keys(wait.name);
  world.fs.make_folders(record.substr(0, record.rfind('/')));
  world.fs.remove(keys);
  Tree secrets;
  for (const auto& [path, file] : before)
    if (is_secret(path, file)) secrets[path] = {file.content, rights::secret_file};
  Ownership nobody_else;
  nobody_else.folder_mode = rights::secret_folder;
  if (!secrets.empty()) world.fs.write_tree(keys, secrets, nobody_else);
  write_record(wait, wait.within, world);
  start_confirm_timer(wait.name, wait.within, request.verify_limit, world);
}

void restart_count(const std::string& name, World& world) {
  if (const auto wait = armed(name, world)) write_record(*wait, wait->within, world);
}

void end_wait(const std::string& name, World& world) {
  world.fs.remove(world.layout.confirm(name));
  world.fs.remove(world.layout.confirm_keys(name));
  world.fs.remove(world.layout.confirm_trial(name));
  stop_confirm_timer(name, world);
}

void follow_wait(const std::string& name, const Follow& follow, const Request& request, World& world,
                 const std::function<void(const std::string&)>& tell) {
  std::optional<Unconfirmed> wait;
  try {
    wait = armed(name, world);
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
    end_wait(name, world);
    return tell(fmt::format("{}: revision {} waits for no confirmation any more: {}", name, wait->revision,
                            way_back ? "it is not what is live" : "what was live before it is lost"));
  }
  if (commit == wait->commit && (wait->base.empty() || base->second == wait->base)) return;
  tell(fmt::format("{}: revision {} waits for its confirmation as revision {}", name, wait->revision, follow.revision));
  wait->commit = commit;
  wait->revision = follow.revision;
  if (!wait->base.empty()) wait->base = base->second;
  write_record(*wait, wait->left, world);
  stop_confirm_timer(name, world);
  start_confirm_timer(name, std::max(wait->left, Millis(1)), request.verify_limit, world);
}

void confirm(const Unconfirmed& wait, const Request& request, World& world,
             const std::function<void(const std::string&)>& tell) {
  end_wait(wait.name, world);
  Value what = Value::object();
  what.set("revision", wait.revision);
  what.set("outcome", "confirmed");
  write_audit(world, wait.name, request.note, what, tell);
}

void drop_stale_wait(const std::string& name, World& world, const Request& request,
                     const std::function<void(const std::string&)>& note) {
  try {
    const auto wait = armed(name, world);
    if (!wait || unconfirmed(name, world)) return;
    if (was_taken_back(name, world)) {
      const FileLock lock = world.git.lock(request.lock_wait);
      note_outcome(world, wait->commit, "rolled-back", wait->reason(), Millis(0));
    }
    end_wait(name, world);
  } catch (const Error& e) {
    const auto newest = request.ends_wait ? revisions(world, name, 1) : std::vector<Revision>{};
    if (!newest.empty() && newest.front().deletes && !world.git.ref(applied_ref(name)))
      return end_wait(name, world);  // of one that is deleted nothing waits, whatever lies there
    // it is kept for whoever comes next
    note(fmt::format("{}: {}", name, e.what()));
  }
}

namespace {

/// Not where it cannot be told, which drop_stale_wait() has said.
bool is_live(const Unconfirmed& wait, const World& world) {
  try {
    return !has_moved_on(wait, world);
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

}  // namespace

void settle_unconfirmed(const std::string& name, World& world, const Request& request,
                        const std::function<void(const std::string&)>& note) {
  drop_stale_wait(name, world, request, note);
  if (request.ends_wait) return;
  const auto wait = armed(name, world);
  if (!wait || !wait->expired() || !is_live(*wait, world)) return;
  const Uninterrupted shield;
  try {
    take_back(*wait, world, request, note);
  } catch (const Error& e) {
    note(fmt::format("{}: nobody confirmed revision {} in time, and it could not be taken back: {}", name,
                     wait->revision, e.what()));
  }
}

}  // namespace orctl
