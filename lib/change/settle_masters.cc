#include "change/settle_masters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/evidence.h"
#include "plan/masters.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

using Action = Supervise::Action;
using Newcomer = Masters::Newcomer;

std::string pids_text(const std::vector<int>& pids) {
  std::vector<std::string> all;
  for (const int pid : pids) all.push_back(std::to_string(pid));
  return join(all, " and ");
}

Masters look(const Supervisor& supervisor, const World& world) {
  Masters there;
  there.old_master = supervisor.upgrading(world);
  if (there.old_master != 0 && !supervisor.has_new_master(world)) there.newcomer = Newcomer::on_its_way;
  const NginxMasters found(world);
  std::vector<int> pids = supervisor.masters(world, found);
  if (there.old_master != 0 && std::find(pids.begin(), pids.end(), there.old_master) == pids.end())
    pids.push_back(there.old_master);
  for (const int pid : pids) there.all.push_back({pid});
  if (pids.size() > 1)
    for (auto& one : there.all)
      one = {one.pid, supervisor.in_unit(world, one.pid), supervisor.is_leaving(world, one.pid)};
  there.current = supervisor.master(world);
  there.orphans = supervisor.orphans(world, found);
  return there;
}

/// Carries out what next_step() says, and tells of it. This class orders nothing.
class Settling {
 public:
  /// `manifest`: the live version without its tree, which only a fault makes worth reading.
  Settling(const std::string& name, std::shared_ptr<const Version> manifest, World& world, const Request& request,
           const std::function<void(const std::string&)>& note)
      : name_(name),
        manifest_(std::move(manifest)),
        world_(world),
        request_(request),
        note_(note),
        tree_(world.layout.tree(tree_folder(manifest_->spec))),
        supervisor_(world.layout, name, tree_),
        there_(look(supervisor_, world)) {}

  void run() {
    while (const auto step = next_step(there_)) {
      if (world_.trace) world_.trace(fmt::format("{}: settle: {}", name_, to_string(*step)));
      std::visit([this](const auto& one) { carry(one); }, *step);
    }
  }

 private:
  void carry(const AwaitNewMaster&) {
    const bool over = supervisor_.await_new_master(world_);
    there_ = look(supervisor_, world_);
    if (!over) there_.newcomer = Newcomer::never_came;
  }

  void carry(const ProveMaster& step) {
    tell_found();
    there_.faults[step.pid] = fault_of(step.pid);
  }

  void carry(const Supervise& step) {
    const int old_master = there_.old_master, now = there_.current;
    if (there_.newcomer == Newcomer::there) tell_found();
    if (step.action == Action::retire) {
      supervisor_.retire(world_, old_master, drain_time(manifest_->spec));
      note_(fmt::format("{}: the upgrade was finished: the new master (pid {}) serves alone", name_, now));
    } else {
      supervisor_.revert(world_, old_master);
      const std::string why = there_.newcomer == Newcomer::there ? there_.faults[now] : "the new one did not come";
      note_(fmt::format("{}: the upgrade was taken back, the old master (pid {}) serves alone: {}", name_, old_master,
                        why));
    }
    look_again();
  }

  void carry(const KeepMaster& step) {
    tell_found();
    supervisor_.keep_only(world_, step.pid, drain_time(manifest_->spec));
    note_(fmt::format("{}: the master with pid {} serves alone now", name_, step.pid));
    look_again();
  }

  void carry(const EndOrphans&) {
    note_(fmt::format("{}: workers of a master that was killed end now (pids {})", name_, pids_text(there_.orphans)));
    supervisor_.end_orphans(world_);
    there_.orphans.clear();
  }

  void look_again() {
    there_ = look(supervisor_, world_);
    there_.settled = true;
  }

  /// Says once what is wrong.
  void tell_found() {
    if (std::exchange(told_, true)) return;
    std::vector<int> pids;
    for (const auto& one : there_.all) pids.push_back(one.pid);
    if (there_.old_master != 0)
      note_(fmt::format("{}: an upgrade was interrupted, and two masters serve (pids {} and {})", name_,
                        there_.old_master, there_.current));
    else
      note_(fmt::format("{}: {} masters serve beside each other (pids {})", name_, pids.size(), pids_text(pids)));
  }

  /// Why the workers of `master` do not prove that they serve what is on disk; "" when they do.
  std::string fault_of(int master) {
    const Version version = read_tree();
    std::vector<int> others;
    for (const int other : supervisor_.masters(world_)) {
      if (other == master) continue;
      const auto workers = world_.proc.children(other);
      others.insert(others.end(), workers.begin(), workers.end());
    }
    Evidence evidence;
    evidence.ignore(std::move(others));
    try {
      verify(world_, name_, version, evidence, request_.verify_limit);
    } catch (const Error& e) {
      if (interrupted() != 0) throw;
      return e.what();
    }
    return {};
  }

  Version read_tree() const {
    Version version = *manifest_;
    version.tree = world_.fs.read_tree(tree_, tree_ownership(version.spec, world_));
    // one that was edited by hand: the workers report the digest that nginx.conf carries
    const std::string carried = carried_digest(version.tree);
    version.digest = carried.empty() ? tree_digest(version.tree) : carried;
    return version;
  }

  const std::string& name_;
  const std::shared_ptr<const Version> manifest_;
  World& world_;
  const Request& request_;
  const std::function<void(const std::string&)>& note_;
  const std::string tree_;
  const Supervisor supervisor_;
  Masters there_;
  bool told_ = false;
};

}  // namespace

void settle_masters(const std::string& name, World& world, const Request& request,
                    const std::function<void(const std::string&)>& note) {
  if (const auto applied = applied_revision(world, name))
    Settling(name, load_manifest(world, applied->commit), world, request, note).run();
}

}  // namespace orctl
