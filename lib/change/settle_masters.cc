#include "change/settle_masters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/evidence.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

std::string pids_text(const std::vector<int>& pids) {
  std::vector<std::string> all;
  for (const int pid : pids) all.push_back(std::to_string(pid));
  return join(all, " and ");
}

/// One mending: what it is about.
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
        supervisor_(world.layout, name, tree_) {}

  void run() {
    const int old_master = supervisor_.await_upgraded(world_);
    const std::vector<int> all = supervisor_.masters(world_);
    if (old_master != 0)
      end_upgrade(old_master);
    else if (all.size() > 1)
      choose(all);
    if (supervisor_.master(world_) == 0) return;
    if (const auto orphans = supervisor_.orphans(world_); !orphans.empty()) {
      note_(fmt::format("{}: workers of a master that was killed end now (pids {})", name_, pids_text(orphans)));
      supervisor_.end_orphans(world_);
    }
  }

 private:
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

  void end_upgrade(int old_master) {
    const int now = supervisor_.master(world_);
    note_(
        fmt::format("{}: an upgrade was interrupted, and two masters serve (pids {} and {})", name_, old_master, now));
    const std::string fault = supervisor_.is_leaving(world_, old_master) ? "" : fault_of(now);
    if (fault.empty()) {
      supervisor_.retire(world_, old_master, drain_time(manifest_->spec));
      note_(fmt::format("{}: the upgrade was finished: the new master (pid {}) serves alone", name_, now));
    } else {
      supervisor_.revert(world_, old_master);
      note_(fmt::format("{}: the upgrade was taken back, the old master (pid {}) serves alone: {}", name_, old_master,
                        fault));
    }
  }

  /// Under systemd the master of the unit stays, whose folders would go with it; else one that proves itself.
  void choose(const std::vector<int>& all) {
    note_(fmt::format("{}: {} masters serve beside each other (pids {})", name_, all.size(), pids_text(all)));
    const auto in_unit =
        std::find_if(all.begin(), all.end(), [&](int pid) { return supervisor_.in_unit(world_, pid); });
    const auto proved = [&] {
      return std::find_if(all.begin(), all.end(),
                          [&](int pid) { return !supervisor_.is_leaving(world_, pid) && fault_of(pid).empty(); });
    };
    const auto found = in_unit != all.end() ? in_unit : proved();
    const int kept = found != all.end() ? *found : supervisor_.master(world_);
    supervisor_.keep_only(world_, kept, drain_time(manifest_->spec));
    note_(fmt::format("{}: the master with pid {} serves alone now", name_, kept));
  }

  const std::string& name_;
  const std::shared_ptr<const Version> manifest_;
  World& world_;
  const Request& request_;
  const std::function<void(const std::string&)>& note_;
  const std::string tree_;
  const Supervisor supervisor_;
};

}  // namespace

void settle_masters(const std::string& name, World& world, const Request& request,
                    const std::function<void(const std::string&)>& note) {
  if (const auto applied = applied_revision(world, name))
    Settling(name, load_manifest(world, applied->commit), world, request, note).run();
}

}  // namespace orctl
