#include "live/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "kind/kind.h"
#include "live/salvage.h"
#include "live/saved_document.h"
#include "render/unit.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/select.h"
#include "store/unconfirmed.h"

namespace orctl {
namespace {

constexpr Millis status_limit(2000);

/// What is in its unit's file; "" where there is none, or a symlink, as one that is masked has it. Error for what is no
/// file: nobody may take it away without a word.
std::string unit_file(const std::string& name, const World& world) {
  const std::string path = world.layout.unit(name);
  const auto found = world.fs.stat(path);
  return found && found->kind != Fs::Kind::symlink ? world.fs.read(path) : "";
}

void observe_masters(Observed& o, const World& world, const NginxMasters& all) {
  const Supervisor supervisor(world.layout, o.name, o.tree_path);
  o.masters = supervisor.masters(world, all);
  o.upgrading = supervisor.upgrading(world) != 0;
  o.pid = supervisor.master(world);
  o.orphans = supervisor.orphans(world, all);
  o.live.orphaned = !o.orphans.empty();
}

}  // namespace

void observe_process(Observed& o, const World& world, const NginxMasters& all) {
  observe_masters(o, world, all);
  const Supervisor supervisor(world.layout, o.name, o.tree_path);
  o.live.running = o.pid != 0;
  if (o.version) o.live.saved = saved_document_digest(o.name, o.version->document(), world);
  if (world.supervision == Supervision::systemd) {
    o.unit = systemd::show(world, world.layout.unit_name(o.name));
    o.live.restarting = o.unit->active == "activating";
    o.live.at_boot = o.unit->enabled == "enabled";
    o.live.keeper = o.unit->main_pid == o.pid ? Live::Keeper::unit : Live::Keeper::none;
  }
  if ((o.loss = supervisor.loss(world, o.pid, all.children(o.pid)))) {
    o.live.lost = o.loss->what;
    o.live.lost_needs = o.loss->mended_by;
  }
  if (o.pid == 0) return;
  if (const std::string fault = supervisor.pid_file_fault(world); !fault.empty()) o.problem = fault;
  if (o.version) o.wanted_open_files = o.unit ? unit_open_files(o.version->spec) : needed_open_files(o.version->spec);
  o.open_files = world.proc.open_file_limit(o.pid);
  o.live.binary = world.proc.executable(o.pid);
  try {
    GatewayStatus status = gateway_status(world, world.layout.admin_socket(o.name), status_limit);
    require_own_gateway(status, o.name);
    o.status = std::move(status);
    o.live.digest = o.status->common_digest();
    o.live.tree = o.status->common_tree();
    o.live.certs = o.status->common_certs();
  } catch (const Error& e) {
    stop_if_interrupted();
    o.problem = e.what();
    if (o.version)
      if (std::string crowd = supervisor.crowd(world, o.pid, o.version->spec); !crowd.empty())
        o.problem = std::move(crowd);
    o.live.answers = false;
    // whoever may not ask has learnt nothing of how it is
    o.denied = !world.env.is_root() && e.exit() == Exit::unreachable && o.problem.ends_with("Permission denied");
  }
}

std::string Observed::state() const {
  if (broken) return "broken";
  if (version && !has_process(version->spec))
    return applied && applied->digest == version->digest ? "applied" : "drifted";
  if (pid == 0 && !orphans.empty()) return "degraded";
  if (pid == 0) return unit && (unit->active == "failed" || unit->sub == "auto-restart") ? "failed" : "stopped";
  if (denied && !loss && fault_of_masters().empty()) return "unknown";
  if (!problem.empty()) return "degraded";
  const bool outside = live.keeper == Live::Keeper::none;
  const bool ill = outside || loss || has_two_masters() || !orphans.empty() || !status;
  if (ill || live.digest.empty() || live.tree.empty()) return "degraded";
  return "running";
}

bool Observed::unsettled() const {
  return interrupted || has_two_masters() || !orphans.empty() || (unconfirmed && unconfirmed->expired());
}

std::string Observed::fault_of_masters() const {
  std::vector<std::string> pids;
  for (const int one : has_two_masters() ? masters : orphans) pids.push_back(std::to_string(one));
  if (!has_two_masters() && orphans.empty()) return {};
  if (!has_two_masters())
    return fmt::format("{} of a master that was killed serve{} on (pid{} {})", count(pids.size(), "worker"),
                       pids.size() == 1 ? "s" : "", pids.size() == 1 ? "" : "s", join(pids, " and "));
  const std::string who = fmt::format("{} (pid{} {})", count(masters.size(), "nginx master"),
                                      pids.size() == 1 ? "" : "s", join(pids, " and "));
  return who + (upgrading ? ": an upgrade is under way, or was interrupted" : " serve beside each other");
}

std::string mend_masters(const std::string& name) {
  return "orctl start " + name + " leaves one master and its workers, as any changing command does";
}

std::string fault_of_masters(const std::string& name, const World& world, const NginxMasters& all) {
  const auto applied = applied_revision(world, name);
  if (!applied) return {};
  Observed o;
  o.name = name;
  o.tree_path = world.layout.tree(tree_folder(load_manifest(world, name, applied->commit)->spec));
  observe_masters(o, world, all);
  return o.fault_of_masters();
}

Observed observe(const std::string& name, const World& world) { return observe(name, world, NginxMasters(world)); }

Observed observe(const std::string& name, const World& world, const NginxMasters& all) {
  Observed o;
  o.name = name;
  const auto newest = revisions(world, name, 1);
  if (newest.empty()) {
    if (can_be_stored(name) && world.git.exists() && world.git.ref(applied_ref(name))) throw no_revisions(world, name);
    return o;
  }
  const Revision& head = newest.front();
  o.head = head.commit;
  o.newest = head;
  o.applied = applied_revision(world, name);
  o.interrupted = head.outcome.empty();
  // a first apply that was killed has nothing before it: what it was about to make is what there is to look at
  if (!o.applied && o.interrupted && !head.deletes) o.applied = head;
  if (!o.applied && has_lost_applied(world, name)) throw lost_ref(applied_ref(name), "its last revision was applied");
  if (!o.applied) return o;
  Version version = *load_manifest(world, name, o.applied->commit);
  const std::string folder = tree_folder(version.spec);
  o.tree_path = world.layout.tree(folder);
  o.interrupted =
      o.interrupted || world.fs.exists(world.layout.stage(folder)) || world.fs.exists(world.layout.aside(folder));
  version.tree = world.fs.read_tree(o.tree_path, tree_ownership(version.spec, world));
  version.digest = tree_digest(version.tree);
  const bool process = has_process(version.spec);
  if (process) version.unit = unit_file(name, world);
  o.version = std::move(version);
  if (process) observe_process(o, world, all);
  try {
    o.unconfirmed = unconfirmed(name, world);
  } catch (const Error& e) {
    stop_if_interrupted();
    o.problem = e.what();
  }
  return o;
}

Observed observe_among(const std::string& name, const World& world) {
  return observe_among(name, world, NginxMasters(world));
}

Observed observe_among(const std::string& name, const World& world, const NginxMasters& all) {
  try {
    return observe_existing(name, world, all);
  } catch (const Error& e) {
    stop_if_interrupted();
    if (e.exit() == Exit::absent) throw;  // there is no such instance
    return salvage(name, e, world);
  } catch (const std::exception& e) {
    // what is kept of it is not what the code expects; the others are none the worse for it
    return salvage(name, Error(Exit::target, fmt::format("what orctl keeps of it cannot be read: {}", e.what())),
                   world);
  }
}

Observed observe_existing(const std::string& name, const World& world) {
  return observe_existing(name, world, NginxMasters(world));
}

Observed observe_existing(const std::string& name, const World& world, const NginxMasters& all) {
  Observed o = observe(name, world, all);
  if (o.exists()) return o;
  if (const auto lost = lost_history(name, world)) throw Error(*lost);
  throw unknown_name(name, world);
}

}  // namespace orctl
