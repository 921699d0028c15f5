#include "change/guards.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "live/live_tree.h"
#include "manifest/host_policy.h"
#include "render/render.h"
#include "store/lost.h"
#include "store/select.h"
#include "store/unconfirmed.h"
#include "sys/trust.h"

namespace orctl {
namespace {

std::string left_of(const Unconfirmed& wait) { return wait.expired() ? "overdue" : wait.left_text() + " left"; }

}  // namespace

void refuse_impact(const Plan& plan, Impact most) {
  for (const InstancePlan& one : plan.instances) {
    const Impact impact = one.impact();
    if (!one.before || impact == Impact::start || impact == Impact::stop || impact <= most) continue;
    throw Error(Exit::guard,
                fmt::format("{} would need a {}, and --max-impact is {}; nothing was changed", one.name,
                            to_string(impact), to_string(most)),
                fmt::format("look with: orctl diff -f …; allow it with --max-impact {}", to_string(impact)));
  }
}

void refuse_unconfirmed(const Plan& plan, const World& world) {
  for (const InstancePlan& one : plan.instances) {
    if (!one.makes_revision()) continue;
    if (const auto wait = unconfirmed(one.name, world))
      throw Error(Exit::guard,
                  fmt::format("revision {} of {} waits for its confirmation ({}); nothing was changed", wait->revision,
                              one.name, left_of(*wait)),
                  fmt::format("keep it: orctl confirm {}; or go back: {}", one.name, wait->way_back()));
  }
}

void refuse_flattening(const Plan& plan) {
  constexpr size_t most_named = 8;
  for (const InstancePlan& one : plan.instances) {
    std::vector<std::string> paths = one.flattened;
    if (paths.empty()) continue;
    const size_t more = paths.size() > most_named ? paths.size() - most_named : 0;
    paths.resize(paths.size() - more);
    for (std::string& path : paths)
      path = path == "unit" ? "its unit" : path == "." ? "its tree as a whole" : "'" + path + "'";
    throw Error(Exit::guard,
                fmt::format("{}: edited on the host, and the edit would go: {}{}; nothing was changed", one.name,
                            join(paths, ", "), more == 0 ? "" : fmt::format(" and {} more", more)),
                fmt::format("see the edit with: orctl drift {} --files; keep it with: orctl drift {} --adopt; let it "
                            "go with --overwrite-drift",
                            one.name, one.name));
  }
}

void refuse_lost(const Plan& plan, const World& world) {
  for (const InstancePlan& one : plan.instances)
    if (const auto lost = one.before ? std::nullopt : lost_history(one.name, world))
      throw lost->within("an apply would be refused").as(Exit::conflict);
}

std::vector<Error> warnings_of_plan(const Plan& plan, const World& world) {
  std::vector<Error> out;
  for (const InstancePlan& one : plan.instances)
    if (const auto lost = one.before ? std::nullopt : lost_history(one.name, world)) out.push_back(*lost);
  for (const InstancePlan& one : plan.instances)
    if (const auto wait = unconfirmed(one.name, world))
      out.emplace_back(
          Exit::guard,
          fmt::format("revision {} of {} waits for its confirmation: {}", wait->revision, one.name, left_of(*wait)),
          fmt::format("before the next change: orctl confirm {}, or {}", one.name, wait->way_back()));
  return out;
}

std::vector<Error> warnings_of_trust(const Plan& plan, const World& world) {
  std::vector<Error> out;
  for (const InstancePlan& one : plan.instances) {
    if (!one.empty() || !one.before) continue;
    if (auto found = warning_of_trust(one.name, world.layout.tree(tree_folder(one.before->spec)), world))
      out.push_back(std::move(*found));
  }
  return out;
}

void require_existing(const Observed& now, const World& world) {
  if (!now.exists()) throw unknown_name(now.name, world);
}

void refuse_others_tree(const Observed& now, const World& world) {
  const auto found = distrust_live_tree(now.tree_path, world);
  if (!found) return;
  const bool inside = found->path == now.tree_path || found->path.starts_with(now.tree_path + "/");
  const std::string mend = inside
                               ? "put it back with orctl apply; orctl drift " + now.name + " --files shows what differs"
                               : found->remedy + " (and what is in it, once you have looked at it)";
  throw Error(Exit::refused,
              fmt::format("{}: '{}' {}, who could have changed what the tree runs; nothing was done", now.name,
                          found->path, found->why),
              mend + "; or take the tree as it is with --accept-changes");
}

void refuse_others_folder(const std::string& folder, const World& world) {
  if (!world.env.is_root()) return;
  if (const auto found = distrust(folder))
    throw Error(Exit::refused, fmt::format("root does not write into '{}': '{}' {}", folder, found->path, found->why),
                found->remedy + ", or choose another folder");
}

void require_able(const Observed& now, std::optional<Supervise::Action> action) {
  using Action = Supervise::Action;
  const bool needs_process = !action || action == Action::upgrade;
  if (needs_process && !now.live.running)
    throw Error(Exit::target, now.name + " is not running", "orctl start " + now.name);
  if (!now.loss) return;
  const bool is_in_the_way =
      needs_process ? now.loss->mended_by == Impact::restart : now.loss->of == Loss::Of::unit && action != Action::stop;
  if (is_in_the_way) throw Error(Exit::target, fmt::format("{}: {}", now.name, now.loss->what), now.loss->hint);
}

void refuse_by_policy(const Version& version, const Revision& revision, const std::string& name, const World& world,
                      const std::function<void(const Diagnostic&)>& report) {
  const Diagnostics found = check_version(version, fmt::format("revision {}", revision.number), world);
  for (const Diagnostic& d : found) report(d);
  if (!found.empty())
    throw Error(
        Exit::guard,
        fmt::format("the policy of this host refuses revision {} of {}; nothing was changed", revision.number, name),
        "choose another (orctl history " + name + "), or change what the hints above name");
}

void require_yes(const std::string& question, const Error& refusal, const World& world) {
  if (!world.env.confirm(question + " [y/N] ")) throw Error(refusal);
}

void refuse_skipping(const std::vector<std::string>& flags, const Policy& policy, const World& world) {
  const auto& users = policy.may_skip_guards;
  const std::string user = world.env.user();
  if (!users || flags.empty() || std::find(users->begin(), users->end(), user) != users->end()) return;
  throw Error(Exit::guard, fmt::format("{} skips a guard, and {} may not; nothing was changed", flags.front(), user),
              users->empty() ? fmt::format("nobody may: may_skip_guards under [policy] in {} is empty", policy.file)
                             : fmt::format("{} may; may_skip_guards under [policy] in {} says so", join(*users, ", "),
                                           policy.file));
}

void refuse_unexplained(const std::string& reason, const std::string& ticket, const Policy& policy) {
  if (policy.require_reason && trim(reason).empty())
    throw Error(Exit::guard, "the policy of this host requires --reason; nothing was changed",
                fmt::format("say --reason 'why', or set ORCTL_REASON; require_reason under [policy] in {} says so",
                            policy.file));
  if (policy.require_ticket.empty() || fits_ticket(ticket, policy)) return;
  const std::string what =
      ticket.empty() ? "requires --ticket" : fmt::format("requires another --ticket than '{}'", ticket);
  throw Error(Exit::guard, fmt::format("the policy of this host {}; nothing was changed", what),
              fmt::format("one that is {}: --ticket ID, or ORCTL_TICKET; require_ticket under [policy] in {} says so",
                          policy.require_ticket, policy.file));
}

}  // namespace orctl
