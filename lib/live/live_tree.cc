#include "live/live_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/gateway.h"
#include "host/check_tree.h"
#include "host/own_place.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/observe.h"
#include "store/history.h"

namespace orctl {
namespace {

constexpr Millis patience(2000);

/// What mends a live tree, whatever is wrong with it.
constexpr const char* put_it_back = "orctl apply -f MANIFEST --overwrite-drift puts it back";

/// Whether nginx reads its configuration, and opens its logs, anew.
bool runs_anew(const InstancePlan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    using Action = Supervise::Action;
    const auto* process = std::get_if<Supervise>(&step);
    return std::holds_alternative<Reload>(step) ||
           (process != nullptr && (process->action == Action::start || process->action == Action::restart ||
                                   process->action == Action::upgrade));
  });
}

bool brings_tree(const InstancePlan& plan) {
  return std::find(plan.steps.begin(), plan.steps.end(), Step(CheckTree{})) != plan.steps.end();
}

/// Whether a configuration of `tree` names `path`.
bool is_named(const Tree& tree, const std::string& path) {
  return std::any_of(tree.begin(), tree.end(), [&](const auto& one) {
    return one.first.ends_with(".conf") && one.second.content.find(path) != std::string::npos;
  });
}

/// A link to a file or a device that root, or who calls orctl, has put there: to /dev/null, for example. Another one's
/// would make nginx's master write where its maker may not.
bool is_meant(const std::string& path, const World& world) {
  const auto link = world.fs.stat(path);
  return link && link->kind == Fs::Kind::symlink && (link->uid == 0 || link->uid == world.env.uid());
}

/// nginx waits in open(2) of a FIFO that nobody reads, and its workers with it.
void require_logs(const InstancePlan& plan, const World& world) {
  const std::string folder = world.layout.logs(plan.name);
  const auto found = world.fs.stat(folder);
  if (!found || found->kind != Fs::Kind::folder) return;  // whoever makes it says so
  for (const Fs::Entry& entry : world.fs.list(folder)) {
    const std::string path = folder + "/" + entry.name;
    if (entry.kind == Fs::Kind::file || (entry.name != "error.log" && !is_named(plan.after->tree, path))) continue;
    if (is_meant(path, world)) continue;
    throw Error(Exit::refused,
                fmt::format("{}: the log '{}' is {}, not a regular file; nothing was done", plan.name, path,
                            in_words(entry.kind)),
                "whoever may write in its folder has put it there: look with ls -l, then remove it: rm -r " + path);
  }
}

/// The tree's irregular entries in words; "" when there are none.
std::string strange_entry(const Tree& tree) {
  for (const auto& [path, file] : tree)
    if (!file.irregular.empty())
      return path == "." ? "it is " + file.irregular : fmt::format("'{}' is {}", path, file.irregular);
  return {};
}

/// A file of the revision that is not there: what needs it is known only to who reads it.
std::string lost_file(const Tree& live, const Tree& kept) {
  for (const auto& [path, file] : kept)
    if (!live.contains(path)) return path;
  return {};
}

bool is_same(const std::string& path, const TreeFile& a, const TreeFile& b) {
  return a.irregular == b.irregular && a.content == b.content && (a.mode == b.mode || is_secret(path, a));
}

/// The revision that `plan` is made upon; nullopt when it cannot be read.
std::optional<Tree> kept_tree(const InstancePlan& plan, const World& world) {
  try {
    if (!plan.base.empty()) return load_version(world, plan.base, plan.before->tree).tree;
  } catch (const Error&) {
    stop_if_interrupted();
  }
  return std::nullopt;
}

/// Where one of its folders should be is something that is none: no start gets past that.
void require_folders(const std::string& name, const std::string& tree, const World& world) {
  if (const auto fault = Supervisor(world.layout, name, tree).fault_of_folders(world))
    throw Error(Exit::refused, fmt::format("{}: {}; nothing was done", name, fault->text),
                "look with ls -ld, then move it away: " + fault->mend);
}

/// Whether what the plan stops would be missed: it runs, and has to come up again.
bool stops_it(const InstancePlan& plan) {
  return std::find(plan.steps.begin(), plan.steps.end(), Step(Supervise{Supervise::Action::restart})) !=
         plan.steps.end();
}

void require_tree(const InstancePlan& plan, const std::string& tree, World& world) {
  const Tree& live = plan.before->tree;
  const auto refuse = [&](const std::string& what) {
    throw Error(Exit::refused, fmt::format("{}: its tree was changed by hand: {}; nothing was done", plan.name, what),
                put_it_back);
  };
  if (const std::string strange = strange_entry(live); !strange.empty()) refuse(strange);
  const auto kept = kept_tree(plan, world);
  const bool as_kept = kept && *kept == live;
  if (as_kept && !stops_it(plan)) return;
  if (const std::string lost = kept ? lost_file(live, *kept) : ""; !lost.empty()) refuse("'" + lost + "' is gone");
  Instance instance;
  instance.name = known_name(plan.name);
  instance.spec = plan.before->spec;
  const Target target = find_target(plan.before->spec, world);
  // as a start does: the check needs the folders, and reads the secrets as the instance will
  Supervisor(world.layout, plan.name, tree).prepare(world, target, plan.before->spec);
  settle_secrets(world, plan.before->spec);
  try {
    check_staged_tree(world, plan.before->spec, tree, live, target);
  } catch (const Error& e) {
    stop_if_interrupted();
    if (e.exit() != Exit::refused && e.exit() != Exit::usage) throw;
    if (!as_kept) refuse(e.what());
    throw Error(Exit::refused, fmt::format("{}: it would not start again: {}; nothing was done", plan.name, e.what()),
                e.hint());
  }
}

}  // namespace

std::vector<std::string> changed_by_hand(const Tree& live, const std::string& commit, const World& world) {
  const Tree kept = load_version(world, commit, live).tree;
  std::vector<std::string> out;
  for (const auto& [path, file] : live) {
    const auto was = kept.find(path);
    if (!file.irregular.empty())
      out.push_back(fmt::format("{} (it is {})", path, file.irregular));
    else if (was == kept.end() || !is_same(path, file, was->second))
      out.push_back(path);
  }
  for (const auto& [path, file] : kept)
    if (!live.contains(path)) out.push_back(path + " (it is gone)");
  const auto strange_first = [&](const std::string& path) { return path.ends_with(')'); };
  std::stable_partition(out.begin(), out.end(), strange_first);
  return out;
}

std::optional<Distrust> distrust_live_tree(const std::string& tree, const World& world) {
  return world.env.is_root() ? distrust_tree(tree) : std::nullopt;
}

std::optional<Error> warning_of_trust(const std::string& name, const std::string& tree, const World& world) {
  const auto found = distrust_live_tree(tree, world);
  if (!found) return std::nullopt;
  return Error(Exit::refused,
               fmt::format("{}: '{}' {}, who could change what its tree runs", name, found->path, found->why),
               found->remedy);
}

std::optional<Error> fault_of_tree(const Observed& now, const World& world) {
  if (!now.version || !now.applied || now.broken || now.interrupted) return std::nullopt;
  std::vector<std::string> changed;
  try {
    if (const auto found = distrust_live_tree(now.tree_path, world))
      return Error(Exit::refused,
                   fmt::format("'{}' {}, who could have changed what its tree runs", found->path, found->why),
                   found->remedy);
    changed = changed_by_hand(now.version->tree, now.applied->commit, world);
  } catch (const Error& e) {
    stop_if_interrupted();
    return e;
  }
  if (changed.empty()) return std::nullopt;
  // an apply may have exchanged the tree while this one looked
  const auto live = applied_revision(world, now.name);
  if (!live || live->commit != now.applied->commit ||
      world.fs.exists(world.layout.stage(tree_folder(now.version->spec))))
    return std::nullopt;
  const std::string more = changed.size() > 1 ? fmt::format(" and {} more", changed.size() - 1) : "";
  return Error(Exit::target, fmt::format("its tree was changed by hand: {}{}", changed.front(), more), put_it_back);
}

void require_runnable(const InstancePlan& plan, const std::string& tree, World& world) {
  if (!plan.after || !runs_anew(plan)) return;
  require_folders(plan.name, tree, world);
  require_named_files(plan.after->spec, world);
  require_logs(plan, world);
  if (plan.before && !brings_tree(plan)) require_tree(plan, tree, world);
}

std::string way_out(const std::string& name, const std::string& tree, const World& world) {
  const std::string again = "then apply the manifest or roll back again";
  try {
    const int master = Supervisor(world.layout, name, tree).master(world);
    if (master != 0 && world.proc.is_stopped(master))
      return fmt::format("nginx (pid {}) was stopped by a signal: orctl restart {}; {}", master, name, again);
    if (master != 0) gateway_status(world, world.layout.admin_socket(name), patience);
  } catch (const Error&) {
    return fmt::format("it runs and does not answer: orctl restart {}; {}", name, again);
  }
  return fmt::format("look with: orctl status {}; {}", name, again);
}

}  // namespace orctl
