#include "plan/plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "kind/kind.h"
#include "model/certificates.h"
#include "model/masked.h"
#include "model/route_phases.h"
#include "plan/files.h"

namespace orctl {
namespace {

Impact strongest(const std::vector<Change>& changes) {
  Impact all = Impact::none;
  for (const Change& c : changes) all = std::max(all, c.impact);
  return all;
}

/// The path by which a listener proves its tree holds so much of the digest.
constexpr size_t proof_path_digits = 32;

/// Whether nginx.conf differs by the digest alone that it carries of the files that differ besides.
bool only_carries_digest(const Version& before, const Version& after) {
  const auto was = before.tree.find(tree_path::nginx_conf), is = after.tree.find(tree_path::nginx_conf);
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
class FileDiffer {
 public:
  FileDiffer(const Version& before, const Version& after, std::vector<Change>& out)
      : before_(before),
        after_(after),
        out_(out),
        by_fields_(strongest(out)),
        digest_only_(only_carries_digest(before, after)),
        hot_(hot_files(before.tree)) {
    // hot on one side only: then nginx.conf carries another digest, which is a reload of its own
    hot_.merge(hot_files(after.tree));
  }

  void run() {
    for (const auto& [path, file] : before_.tree) {
      const auto other = after_.tree.find(path);
      if (other == after_.tree.end())
        see(path, &file, nullptr);
      else if (!(other->second == file))
        see(path, &file, &other->second);
    }
    for (const auto& [path, file] : after_.tree)
      if (!before_.tree.contains(path)) see(path, nullptr, &file);
    if (lua_differs_)
      out_.push_back({Op::change, Whole::gateway, {}, {}, Impact::reload, "the gateway's Lua is another version"});
    if (digest_only_ && strongest(out_) < Impact::reload)  // only new workers report another digest
      out_.push_back({Op::change,
                      FileKey{tree_path::nginx_conf},
                      {},
                      {},
                      Impact::reload,
                      "other files than before are changed hot"});
    if (before_.unit != after_.unit)
      out_.push_back({before_.unit.empty() ? Op::add : Op::change, Whole::unit, brief({before_.unit}),
                      brief({after_.unit}), Impact::none, ""});
  }

 private:
  void see(const std::string& path, const TreeFile* was, const TreeFile* is) {
    if (was != nullptr && !was->irregular.empty())
      out_.push_back({is == nullptr ? Op::remove : Op::change, FileKey{path}, Value(was->irregular),
                      is == nullptr ? Value() : brief(*is), Impact::reload, "it is " + was->irregular});
    else if (path.starts_with(tree_path::own_lua))
      lua_differs_ = true;
    else if (!is_explained(path))
      tell(path, was, is);
  }

  /// Whether a field that differs explains that this file does, if it is one that reaches it.
  bool is_explained(const std::string& path) const {
    if (path == tree_path::nginx_conf && digest_only_) return true;
    if (path == tree_path::nginx_conf || path == tree_path::settings) return by_fields_ >= Impact::reload;
    return (path == tree_path::document || path == tree_path::certificates) && by_fields_ >= Impact::hot;
  }

  void tell(const std::string& path, const TreeFile* was, const TreeFile* is) {
    Change c{
        was == nullptr ? Op::add : is == nullptr ? Op::remove : Op::change, FileKey{path}, {}, {}, Impact::reload, ""};
    if (was != nullptr) c.before = brief(*was);
    if (is != nullptr) c.after = brief(*is);
    if (was != nullptr && is != nullptr && was->content == is->content) c.reason = "other rights";
    if (path == tree_path::document || hot_.contains(path)) c.impact = Impact::hot;
    if (path == tree_path::document || path == tree_path::nginx_conf || path == tree_path::certificates)
      c.reason = "not what the manifest gives";
    const auto has_fingerprint = [](const TreeFile* file) { return file != nullptr && !file->fingerprint.empty(); };
    if (c.reason.empty() && (has_fingerprint(was) || has_fingerprint(is)))
      c.reason = "the store has its fingerprint only";
    out_.push_back(std::move(c));
  }

  const Version &before_, &after_;
  std::vector<Change>& out_;
  const Impact by_fields_;
  const bool digest_only_;
  std::set<std::string> hot_;
  bool lua_differs_ = false;
};

/// Says of upstreams and routes that they are served only until the source has been read.
void mark_start_values(std::vector<Change>& changes) {
  for (Change& c : changes)
    if (const FieldKey* field = field_of(c.key);
        c.reason.empty() && field != nullptr && (field->is_in("upstream") || field->is_in("route")))
      c.reason = "start value; what the source holds wins";
}

const char* const outside_unit = "it runs outside of its systemd unit";

/// How what the workers serve differs from the tree on disk.
struct Drift {
  Drift(const Version& before, const Live& live)
      : document(live.running && !before.has_source() && live.digest != sha256(before.document())),
        certificates(live.running && live.certs != certificates_digest(before.tree)) {}

  bool document;  ///< somebody has sent the gateway another; what a source gave is meant to be another
  bool certificates;
};

/// Differences between what runs and what is on disk.
void diff_live(const Version& before, const Version& after, const Live& live, const Drift& drift,
               const std::string& binary, std::vector<Change>& out) {
  const std::string document = drift.document ? sha256(after.document()) : "";
  const bool same_tree = before.digest == after.digest;
  if (!live.running) {
    out.push_back({Op::change, Whole::process, "stopped", "running", Impact::start, ""});
  } else if (live.keeper == Live::Keeper::none) {
    out.push_back({Op::change, Whole::process, "running", "running", Impact::restart, outside_unit});
  } else if (!live.binary.empty() && live.binary != binary) {
    out.push_back({Op::change, Whole::process, live.binary, binary, Impact::restart, "another nginx"});
  } else if (live.keeper == Live::Keeper::unit && live.other_rights) {
    out.push_back(
        {Op::change, Whole::process, "running", "running", Impact::restart, "its unit gives it other rights"});
  } else if (!live.lost.empty()) {
    out.push_back({Op::change, Whole::process, "running", "running", live.lost_needs, live.lost});
  } else if (!live.answers) {
    out.push_back({Op::change, Whole::process, "running", "running", Impact::reload, "no worker answers"});
  } else if (same_tree && live.tree != after.digest) {
    out.push_back({Op::change, Whole::process, live.tree.substr(0, 12), after.digest.substr(0, 12), Impact::reload,
                   "the workers run another tree"});
  } else if (drift.document && live.digest != document) {
    out.push_back({Op::change, Whole::process, live.digest.substr(0, 12), document.substr(0, 12), Impact::hot,
                   "the workers serve another document, which will be replaced"});
  } else if (drift.certificates && live.certs != certificates_digest(after.tree)) {
    out.push_back({Op::change, Whole::process, live.certs.substr(0, 12), certificates_digest(after.tree).substr(0, 12),
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
void add_reload(std::vector<Step>& steps, const Version& before, const Version& after, const Live& live,
                const Drift& drift) {
  const bool first = takes_document(before, after, live);
  if (drift.document && first) steps.push_back(PushGateway{});
  if (drift.certificates && live.answers) steps.push_back(PushCertificates{});
  steps.push_back(Reload{});
  if (drift.document && !first) steps.push_back(PushGateway{});
  if (drift.certificates && !live.answers) steps.push_back(PushCertificates{});
}

std::vector<Step> steps_between(const Version& before, const Version& after, const Live& live, const Drift& drift,
                                Impact impact) {
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
    add_reload(steps, before, after, live, drift);
  } else if (impact == Impact::hot) {
    if (drift.document || before.document() != after.document()) steps.push_back(PushGateway{});
    if (live.certs != certificates_digest(after.tree)) steps.push_back(PushCertificates{});
  }
  steps.push_back(Verify{});
  return steps;
}

}  // namespace

Impact InstancePlan::impact() const { return strongest(changes); }

bool InstancePlan::has_process() const {
  return (!after && !before) || orctl::has_process((after ? *after : *before).spec);
}

bool InstancePlan::makes_revision() const {
  return std::find(steps.begin(), steps.end(), Step(CommitRevision{})) != steps.end();
}

bool Plan::empty() const {
  return std::all_of(instances.begin(), instances.end(), [](const InstancePlan& p) { return p.empty(); });
}

InstancePlan plan_instance(const std::string& name, const std::string& base, std::optional<Version> before,
                           std::optional<Version> after, const Live& live, const std::string& binary) {
  using Action = Supervise::Action;
  InstancePlan plan{name, base, std::move(before), std::move(after), {}, {}};
  if (!plan.before && !plan.after) return plan;
  if (!plan.has_process()) return plan_files(std::move(plan), live.misfits);
  if (!plan.before) {
    plan.changes.push_back({Op::add, Whole::instance, {}, masked_spec(plan.after->spec), Impact::start, ""});
    plan.steps = {CheckTree{},
                  CommitRevision{},
                  SwapTree{},
                  WriteUnit{},
                  Supervise{live.running ? Action::restart : Action::start},
                  Verify{}};
  } else if (!plan.after) {
    plan.changes.push_back({Op::remove, Whole::instance, masked_spec(plan.before->spec), {}, Impact::stop, ""});
    plan.steps = {CommitRevision{}, Supervise{Action::stop}, SwapTree{}, WriteUnit{}};
  } else {
    plan.changes = diff_specs(plan.before->spec, plan.after->spec);
    if (plan.after->has_source()) mark_start_values(plan.changes);
    FileDiffer(*plan.before, *plan.after, plan.changes).run();
    diff_rights(live.misfits, plan.changes);
    const Drift drift(*plan.before, live);
    diff_live(*plan.before, *plan.after, live, drift, binary, plan.changes);
    if (!plan.empty()) plan.steps = steps_between(*plan.before, *plan.after, live, drift, plan.impact());
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
    plan.changes.push_back({Op::change, Whole::process, now, "stopped", Impact::stop, ""});
    plan.steps = {Supervise{Action::stop}};
  } else if (action == Action::start && live.keeper == Live::Keeper::none && live.running) {
    plan.changes.push_back({Op::change, Whole::process, now, "running", Impact::restart, outside_unit});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (action == Action::start && live.running && live.lost_needs == Impact::restart) {
    plan.changes.push_back({Op::change, Whole::process, now, "running", Impact::restart, live.lost});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (action == Action::enable || action == Action::disable) {
    const bool on = action == Action::enable;
    if (on == live.at_boot) return plan;
    plan.changes.push_back(
        {Op::change, Whole::boot, "", on ? "starts at boot" : "does not start at boot", Impact::none, ""});
    plan.steps = {Supervise{*action}};
  } else if (action == Action::upgrade) {
    if (!live.running) return plan;
    plan.changes.push_back(
        {Op::change, Whole::process, now, "running", Impact::reload, "the binary that is installed now"});
    plan.steps = {Supervise{Action::upgrade}, Verify{}, Supervise{Action::retire}};
  } else if (!live.running && action) {
    plan.changes.push_back({Op::change, Whole::process, now, "running", Impact::start, ""});
    plan.steps = {Supervise{Action::start}, Verify{}};
  } else if (action == Action::restart) {
    plan.changes.push_back({Op::change, Whole::process, now, "running", Impact::restart, "restart"});
    plan.steps = {Supervise{Action::restart}, Verify{}};
  } else if (!action && live.running) {
    plan.changes.push_back({Op::change, Whole::process, now, "running", Impact::reload, "reload"});
    Live kept = live;  // a reload leaves what x-save keeps, as a restart does
    if (!live.saved.empty() && live.digest == live.saved) kept.digest = sha256(version.document());
    add_reload(plan.steps, version, version, kept, Drift(version, kept));
    plan.steps.push_back(Verify{});
  }
  return plan;
}

void ask_confirmation(Plan& plan) {
  for (InstancePlan& one : plan.instances) {
    const auto commit = std::find(one.steps.begin(), one.steps.end(), Step(CommitRevision{}));
    if (commit != one.steps.end() && !one.has_process())
      throw Error(Exit::usage, one.name + " cannot go back by itself: only instances can wait for a confirmation",
                  "apply it without --confirm-within; `orctl rollback " + one.name + "` goes back");
    if (commit != one.steps.end()) one.steps.insert(commit + 1, ArmConfirm{});
  }
}

}  // namespace orctl
