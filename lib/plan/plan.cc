#include "plan/plan.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "model/certificates.h"
#include "model/route_phases.h"

namespace orctl {
namespace {

Value brief(const std::string& content) { return Value("sha256:" + sha256(content).substr(0, 12)); }

Impact strongest(const std::vector<Change>& changes) {
  Impact all = Impact::none;
  for (const Change& c : changes) all = std::max(all, c.impact);
  return all;
}

/// The path by which a listener proves its tree holds so much of the digest.
constexpr size_t proof_path_digits = 32;

/// Whether nginx.conf differs by the digest alone that it carries of the files that differ besides.
bool only_carries_digest(const Version& before, const Version& after) {
  const auto was = before.tree.find("nginx.conf"), is = after.tree.find("nginx.conf");
  if (was == before.tree.end() || is == after.tree.end() || before.digest.empty()) return false;
  std::string text = was->second.content;
  for (const size_t length : {before.digest.size(), proof_path_digits}) {
    const std::string from = before.digest.substr(0, length), to = after.digest.substr(0, length);
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return before.digest != after.digest && text == is->second.content && was->second.mode == is->second.mode;
}

/// Files that differ although no field tells why: the overlay, the gateway's Lua, another orctl, a hand that edited
/// them.
void diff_files(const Version& before, const Version& after, std::vector<Change>& out) {
  // a field that differs explains these two files, if it is one that reaches them
  const Impact by_fields = strongest(out);
  Change lua{Op::change, "gateway", {}, {}, Impact::reload, "the gateway's Lua is another version"};
  bool lua_differs = false;
  const bool digest_only = only_carries_digest(before, after);
  // hot on one side only: then nginx.conf carries another digest, which is a reload of its own
  std::set<std::string> hot = hot_files(before.tree);
  hot.merge(hot_files(after.tree));
  const auto see = [&](const std::string& path, const TreeFile* was, const TreeFile* is) {
    if (was != nullptr && !was->irregular.empty()) {
      const bool only_there = is == nullptr;
      out.push_back({only_there ? Op::remove : Op::change, "file " + path, Value(was->irregular),
                     only_there ? Value() : brief(is->content), Impact::reload, "it is " + was->irregular});
      return;
    }
    if (path.compare(0, 10, "lua/orctl/") == 0) {
      lua_differs = true;
      return;
    }
    if ((path == "nginx.conf" || path == "settings.json") && by_fields >= Impact::reload) return;
    if (path == "nginx.conf" && digest_only) return;
    if ((path == "gateway.json" || path == "certs.json") && by_fields >= Impact::hot) return;
    Change c{
        was == nullptr ? Op::add : is == nullptr ? Op::remove : Op::change, "file " + path, {}, {}, Impact::reload, ""};
    if (was != nullptr) c.before = brief(was->content);
    if (is != nullptr) c.after = brief(is->content);
    if (was != nullptr && is != nullptr && was->content == is->content) c.reason = "other rights";
    if (path == "gateway.json" || hot.contains(path)) c.impact = Impact::hot;
    if (path == "gateway.json" || path == "nginx.conf" || path == "certs.json")
      c.reason = "not what the manifest gives";
    out.push_back(std::move(c));
  };
  for (const auto& [path, file] : before.tree) {
    const auto other = after.tree.find(path);
    if (other == after.tree.end())
      see(path, &file, nullptr);
    else if (!(other->second == file))
      see(path, &file, &other->second);
  }
  for (const auto& [path, file] : after.tree)
    if (!before.tree.contains(path)) see(path, nullptr, &file);
  if (lua_differs) out.push_back(std::move(lua));
  if (before.unit != after.unit)
    out.push_back(
        {before.unit.empty() ? Op::add : Op::change, "unit", brief(before.unit), brief(after.unit), Impact::none, ""});
}

/// The lines of a unit that only a new process gets.
std::vector<std::string> rights_of(const std::string& unit) {
  std::vector<std::string> out;
  for (const std::string& line : split(unit, '\n'))
    for (const char* key : {"User=", "AmbientCapabilities=", "CapabilityBoundingSet=", "PrivateUsers=", "ExecStart="})
      if (line.compare(0, std::string_view(key).size(), key) == 0) out.push_back(line);
  return out;
}

constexpr size_t told_one_by_one = 8;

/// Of a file that is replaced anyway nothing more is said; what many have in common is told once.
void diff_rights(const std::vector<Misfit>& misfits, std::vector<Change>& out) {
  std::set<std::string> told;
  for (const Change& c : out) told.insert(c.key);
  std::vector<std::pair<Change, size_t>> groups;  // the first of its kind, and how many there are
  std::vector<Change> single;
  for (const Misfit& m : misfits) {
    Change c{Op::change,   (m.folder ? "folder " : "file ") + m.path, m.is, m.wanted,
             Impact::none, m.owner ? "other owner" : "other rights"};
    if (told.contains(c.key)) continue;
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) {
      return g.first.before == c.before && g.first.after == c.after && g.first.reason == c.reason;
    });
    if (group != groups.end())
      ++group->second;
    else
      groups.emplace_back(c, 1);
    single.push_back(std::move(c));
  }
  if (single.size() <= told_one_by_one) {
    out.insert(out.end(), single.begin(), single.end());
    return;
  }
  for (auto& [change, size] : groups) {
    if (size > 1) change.reason += " of this and " + std::to_string(size - 1) + " more";
    out.push_back(std::move(change));
  }
}

/// Whether the workers serve something else than the tree on disk: somebody has sent the gateway a document. What a
/// source gave is meant to be another.
bool is_drifted(const Version& before, const Live& live) {
  return live.running && !before.has_source() && live.digest != sha256(before.document());
}

const char* const outside_unit = "it runs outside of its systemd unit";

/// Says of upstreams and routes that they are served only until the source has been read.
void mark_start_values(std::vector<Change>& changes) {
  for (Change& c : changes)
    if (c.reason.empty() && (c.key.compare(0, 8, "upstream") == 0 || c.key.compare(0, 5, "route") == 0))
      c.reason = "start value; what the source holds wins";
}

/// The same of certificates.
bool has_other_certificates(const Version& before, const Live& live) {
  return live.running && live.certs != certificates_digest(before.tree);
}

/// Differences between what runs and what is on disk.
void diff_live(const Version& before, const Version& after, const Live& live, const std::string& binary,
               std::vector<Change>& out) {
  const std::string document = sha256(after.document());
  const bool same_tree = before.digest == after.digest;
  if (!live.running) {
    out.push_back({Op::change, "process", "stopped", "running", Impact::start, ""});
  } else if (live.keeper == Live::Keeper::none) {
    out.push_back({Op::change, "process", "running", "running", Impact::restart, outside_unit});
  } else if (!live.binary.empty() && live.binary != binary) {
    out.push_back({Op::change, "process", live.binary, binary, Impact::restart, "another nginx"});
  } else if (live.keeper == Live::Keeper::unit && rights_of(before.unit) != rights_of(after.unit)) {
    out.push_back({Op::change, "process", "running", "running", Impact::restart, "its unit gives it other rights"});
  } else if (!live.lost.empty()) {
    out.push_back({Op::change, "process", "running", "running", live.lost_needs, live.lost});
  } else if (!live.answers) {
    out.push_back({Op::change, "process", "running", "running", Impact::reload, "no worker answers"});
  } else if (same_tree && live.tree != after.digest) {
    out.push_back({Op::change, "process", live.tree.substr(0, 12), after.digest.substr(0, 12), Impact::reload,
                   "the workers run another tree"});
  } else if (is_drifted(before, live) && live.digest != document) {
    out.push_back({Op::change, "process", live.digest.substr(0, 12), document.substr(0, 12), Impact::hot,
                   "the workers serve another document, which will be replaced"});
  } else if (has_other_certificates(before, live) && live.certs != certificates_digest(after.tree)) {
    out.push_back({Op::change, "process", live.certs.substr(0, 12), certificates_digest(after.tree).substr(0, 12),
                   Impact::hot, "the workers serve other certificates, which will be replaced"});
  }
}

/// Whether the workers that run now take the document of `after`: not those that do not answer (they hang, perhaps for
/// the very change that goes back), nor routes that they have no phases for.
bool takes_document(const Version& before, const Version& after, const Live& live) {
  const RoutePhases want = route_phases(after.spec);
  if (!live.answers) return false;
  return !want.any() || (live.tree == before.digest && can_serve(route_phases(before.spec), want));
}

/// A reload, and what has to be sent with it because the workers that it starts keep what was sent before: a document
/// before it, or after it when only the new workers can serve it; certificates likewise.
void add_reload(std::vector<Step>& steps, const Version& before, const Version& after, const Live& live) {
  const bool document = is_drifted(before, live), first = takes_document(before, after, live);
  const bool certificates = has_other_certificates(before, live);
  if (document && first) steps.push_back(PushGateway{});
  if (certificates && live.answers) steps.push_back(PushCertificates{});
  steps.push_back(Reload{});
  if (document && !first) steps.push_back(PushGateway{});
  if (certificates && !live.answers) steps.push_back(PushCertificates{});
}

std::vector<Step> steps_between(const Version& before, const Version& after, const Live& live, Impact impact) {
  std::vector<Step> steps;
  const bool other_tree = !(before.tree == after.tree), tree = other_tree || !live.misfits.empty();
  if (tree) steps.push_back(CheckTree{});
  if (other_tree || !(before.spec == after.spec) || before.unit != after.unit) steps.push_back(CommitRevision{});
  if (tree) steps.push_back(SwapTree{});
  if (before.unit != after.unit) steps.push_back(WriteUnit{});
  if (!live.running || impact == Impact::restart) {
    steps.push_back(Supervise{live.running ? Supervise::Action::restart : Supervise::Action::start});
    // what a manifest says replaces what was saved over an earlier one
    if (!live.saved.empty() && before.document() == after.document()) steps.push_back(PushGateway{});
  } else if (impact == Impact::reload) {
    add_reload(steps, before, after, live);
  } else if (impact == Impact::hot) {
    if (is_drifted(before, live) || before.document() != after.document()) steps.push_back(PushGateway{});
    if (live.certs != certificates_digest(after.tree)) steps.push_back(PushCertificates{});
  }
  steps.push_back(Verify{});
  return steps;
}

}  // namespace

std::string to_string(const Step& step) {
  struct Namer {
    std::string operator()(const CheckTree&) const { return "check-tree"; }
    std::string operator()(const CommitRevision&) const { return "commit-revision"; }
    std::string operator()(const ArmConfirm&) const { return "arm-confirm"; }
    std::string operator()(const SwapTree& s) const { return s.in_two ? "swap-tree-in-two" : "swap-tree"; }
    std::string operator()(const WriteUnit&) const { return "write-unit"; }
    std::string operator()(const PushGateway&) const { return "push-gateway"; }
    std::string operator()(const PushCertificates&) const { return "push-certificates"; }
    std::string operator()(const Reload&) const { return "reload"; }
    std::string operator()(const Supervise& s) const {
      using Action = Supervise::Action;
      switch (s.action) {
        case Action::start:
          return "supervise-start";
        case Action::stop:
          return "supervise-stop";
        case Action::restart:
          return "supervise-restart";
        case Action::upgrade:
          return "supervise-upgrade";
        case Action::retire:
          return "supervise-retire";
        case Action::enable:
          return "supervise-enable";
        case Action::disable:
          return "supervise-disable";
      }
      return "";
    }
    std::string operator()(const Verify&) const { return "verify"; }
  };
  return std::visit(Namer{}, step);
}

Impact InstancePlan::impact() const { return strongest(changes); }

bool InstancePlan::makes_revision() const {
  return std::find(steps.begin(), steps.end(), Step(CommitRevision{})) != steps.end();
}

bool Plan::empty() const {
  return std::all_of(instances.begin(), instances.end(), [](const InstancePlan& p) { return p.empty(); });
}

Impact Plan::impact() const {
  Impact all = Impact::none;
  for (const InstancePlan& p : instances) all = std::max(all, p.impact());
  return all;
}

InstancePlan plan_instance(const std::string& name, const std::string& base, std::optional<Version> before,
                           std::optional<Version> after, const Live& live, const std::string& binary) {
  using Action = Supervise::Action;
  InstancePlan plan{name, base, std::move(before), std::move(after), {}, {}};
  if (!plan.before && !plan.after) return plan;
  if (!plan.before) {
    plan.changes.push_back({Op::add, "instance", {}, plan.after->spec, Impact::start, ""});
    plan.steps = {CheckTree{},
                  CommitRevision{},
                  SwapTree{},
                  WriteUnit{},
                  Supervise{live.running ? Action::restart : Action::start},
                  Verify{}};
  } else if (!plan.after) {
    plan.changes.push_back({Op::remove, "instance", plan.before->spec, {}, Impact::stop, ""});
    plan.steps = {CommitRevision{}, Supervise{Action::stop}, SwapTree{}, WriteUnit{}};
  } else {
    plan.changes = diff_specs(plan.before->spec, plan.after->spec);
    if (plan.after->has_source()) mark_start_values(plan.changes);
    diff_files(*plan.before, *plan.after, plan.changes);
    diff_rights(live.misfits, plan.changes);
    diff_live(*plan.before, *plan.after, live, binary, plan.changes);
    if (!plan.empty()) plan.steps = steps_between(*plan.before, *plan.after, live, plan.impact());
  }
  return plan;
}

InstancePlan plan_lifecycle(const std::string& name, const std::string& base, const Version& version, const Live& live,
                            std::optional<Supervise::Action> action) {
  using Action = Supervise::Action;
  InstancePlan plan{name, base, version, version, {}, {}};
  const char* now = live.running ? "running" : "stopped";
  if (action == Action::stop) {
    if (!live.running && !live.restarting && !live.orphaned) return plan;
    plan.changes.push_back({Op::change, "process", now, "stopped", Impact::stop, ""});
    plan.steps = {Supervise{Action::stop}};
  } else if (action == Action::start && live.keeper == Live::Keeper::none && live.running) {
    plan.changes.push_back({Op::change, "process", now, "running", Impact::restart, outside_unit});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (action == Action::start && live.running && live.lost_needs == Impact::restart) {
    plan.changes.push_back({Op::change, "process", now, "running", Impact::restart, live.lost});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (action == Action::enable || action == Action::disable) {
    const bool on = action == Action::enable;
    if (on == live.at_boot) return plan;
    plan.changes.push_back(
        {Op::change, "boot", "", on ? "starts at boot" : "does not start at boot", Impact::none, ""});
    plan.steps = {Supervise{*action}};
  } else if (action == Action::upgrade) {
    if (!live.running) return plan;
    plan.changes.push_back({Op::change, "process", now, "running", Impact::reload, "the binary that is installed now"});
    plan.steps = {Supervise{Action::upgrade}, Verify{}, Supervise{Action::retire}};
  } else if (!live.running && action) {
    plan.changes.push_back({Op::change, "process", now, "running", Impact::start, ""});
    plan.steps = {Supervise{Action::start}, Verify{}};
  } else if (action == Action::restart) {
    plan.changes.push_back({Op::change, "process", now, "running", Impact::restart, "restart"});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (!action && live.running) {
    plan.changes.push_back({Op::change, "process", now, "running", Impact::reload, "reload"});
    Live kept = live;  // a reload leaves what x-save keeps, as a restart does
    if (!live.saved.empty() && live.digest == live.saved) kept.digest = sha256(version.document());
    add_reload(plan.steps, version, version, kept);
    plan.steps.push_back(Verify{});
  }
  return plan;
}

Plan reverse(const Plan& plan) {
  Plan out;
  for (auto it = plan.instances.rbegin(); it != plan.instances.rend(); ++it) {
    if (it->empty()) continue;
    // after the plan was carried out the instance runs exactly what `after` says, if anything
    Live live;
    live.running = it->after.has_value();
    if (it->after) {
      live.tree = it->after->digest;
      live.digest = sha256(it->after->document());
      live.certs = certificates_digest(it->after->tree);
    }
    out.instances.push_back(plan_instance(it->name, "", it->after, it->before, live, ""));
  }
  return out;
}

void ask_confirmation(Plan& plan) {
  for (InstancePlan& one : plan.instances) {
    const auto commit = std::find(one.steps.begin(), one.steps.end(), Step(CommitRevision{}));
    if (commit != one.steps.end()) one.steps.insert(commit + 1, ArmConfirm{});
  }
}

}  // namespace orctl
