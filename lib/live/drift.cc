#include "live/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "host/target.h"
#include "kind/kind.h"
#include "model/certificates.h"
#include "render/render.h"

namespace orctl {
namespace {

using State = Drift::State;
using Ahead = Drift::Ahead;

constexpr size_t told_one_by_one = 8;  // of rights, which are often wrong as a whole

std::string take_back(const Observed& now) {
  return fmt::format("orctl rollback {} --to {} --overwrite-drift", now.name, now.applied->number);
}

std::string keep_or_take_back(const Observed& now) {
  return fmt::format("orctl drift {} --adopt keeps it, {} takes it back", now.name, take_back(now));
}

/// Whether a tree is whole by its own word, and of another version than `kept`: orctl wrote it, no hand did.
bool is_of_another_version(const Version& live, const Tree& kept) {
  const std::string carried = carried_digest(live.tree);
  return !carried.empty() && carried == live.digest && carried != carried_digest(kept);
}

/// Where the branch of an instance leads beyond what the store calls live.
struct Beyond {
  std::optional<Drift> drift;
  std::string moved_to;  ///< the commit that should be called live; "" when none should
};

Beyond look_beyond(const Observed& now, const World& world) {
  const Revision& applied = *now.applied;
  const auto moved = [&](const std::string& text, const std::string& mend) {
    return Drift{State::store_moved, Ahead::store, "branch " + now.name, text, mend};
  };
  const std::string put_back = fmt::format("git --git-dir={} update-ref {} {}", world.git.path(), branch_of(now.name),
                                           applied.commit.substr(0, 12));
  for (std::string id = now.head; id != applied.commit;) {
    const Git::Commit commit = id.empty() ? Git::Commit{} : world.git.commit(id);
    const Revision one = id.empty() ? Revision{} : revision_at(world, id);
    const std::string shown = id.substr(0, 12);
    if (id.empty() || (one.number != 0 && one.number <= applied.number))
      return {moved(fmt::format("it leads to commit {}, which does not come after revision {}, the live one",
                                now.head.substr(0, 12), applied.number),
                    put_back),
              ""};
    if (one.number == 0) return {moved(fmt::format("it has commit {}, which orctl did not make", shown), put_back), ""};
    if (one.outcome == "applied" || one.outcome == "deleted")
      return {moved(fmt::format("its revision {} was {}, and the store calls revision {} live", one.number, one.outcome,
                                applied.number),
                    one.deletes ? fmt::format("orctl rollback {} --to {}", now.name, applied.number)
                                : fmt::format("git --git-dir={} update-ref {} {}", world.git.path(),
                                              applied_ref(now.name), shown)),
              one.deletes ? "" : id};
    if (one.outcome.empty()) break;  // what was killed is told by who asks
    id = commit.parent;
  }
  return {};
}

void add_edit(const HandEdit& edit, const Observed& now, std::vector<Drift>& out) {
  using How = HandEdit::How;
  const bool can_be_kept =
      edit.how != How::irregular &&
      (tree_path::is_overlay(edit.path) || (edit.path == tree_path::document && edit.how == How::changed));
  const State state = edit.how == How::rights    ? State::rights
                      : edit.how == How::foreign ? State::foreign
                                                 : State::edited;
  out.push_back({state, Ahead::disk, "file " + edit.path, edit.text(),
                 can_be_kept && state != State::rights ? keep_or_take_back(now) : take_back(now)});
}

void add_rights(const Observed& now, const World& world, std::vector<Drift>& out) {
  const auto misfits = world.fs.misfits(now.tree_path, tree_ownership(now.version->spec, world));
  const auto text = [](const Misfit& m) {
    return fmt::format("{} {}, wanted is {}", m.owner ? "belongs to" : "has the rights", m.is, m.wanted);
  };
  for (size_t i = 0; i < misfits.size(); ++i) {
    const bool rest = i + 1 == told_one_by_one && misfits.size() > told_one_by_one;
    out.push_back({State::rights, Ahead::disk, (misfits[i].folder ? "folder " : "file ") + misfits[i].path,
                   text(misfits[i]) + (rest ? fmt::format(", and {} more likewise", misfits.size() - i - 1) : ""),
                   take_back(now)});
    if (rest) break;
  }
}

/// The tree on disk against the revision that should lie there.
void add_files(const Observed& now, const Tree& kept, const World& world, std::vector<Drift>& out) {
  const Tree& live = now.version->tree;
  if (live.empty() && !kept.empty()) {
    out.push_back({State::tree_gone, Ahead::store, "tree " + now.tree_path, "nothing is there", take_back(now)});
    return;
  }
  if (is_of_another_version(*now.version, kept)) {
    out.push_back(
        {State::store_moved, Ahead::disk, "tree " + now.tree_path,
         fmt::format("orctl wrote it for another revision than {}, which the store calls live", now.applied->number),
         take_back(now)});
    return;
  }
  for (const HandEdit& edit : hand_edits(kept, live)) add_edit(edit, now, out);
  add_rights(now, world, out);
}

/// Files that change this unit alone; those for all services are the host's.
std::vector<std::string> own_drop_ins(const Observed& now, const World& world) {
  const std::string folder = world.layout.unit(now.name) + ".d", part = "/" + world.layout.unit_name(now.name) + ".d/";
  std::set<std::string> all;
  const auto there = world.fs.stat(folder);
  if (there && there->kind == Fs::Kind::folder)
    for (const Fs::Entry& entry : world.fs.list(folder))
      if (entry.name.ends_with(".conf")) all.insert(folder + "/" + entry.name);
  if (now.unit)
    for (const std::string& path : now.unit->drop_ins)
      if (path.find(part) != std::string::npos) all.insert(path);
  return {all.begin(), all.end()};
}

void add_unit(const Observed& now, const std::string& kept, const World& world, std::vector<Drift>& out) {
  const std::string subject = "unit " + world.layout.unit_name(now.name);
  const auto add = [&](Ahead ahead, const std::string& text, const std::string& mend) {
    out.push_back({State::unit, ahead, subject, text, mend});
  };
  if (now.version->unit.empty() && !kept.empty())
    add(Ahead::store, "missing", take_back(now));
  else if (now.version->unit != kept)
    add(Ahead::disk, "changed", take_back(now));
  for (const std::string& path : own_drop_ins(now, world))
    add(Ahead::disk, fmt::format("'{}' changes it", path),
        fmt::format("rm {}{}", path,
                    now.unit ? " && systemctl daemon-reload && orctl restart " + now.name : std::string()));
  if (now.unit && now.unit->stale)
    add(Ahead::disk, "systemd has not read it since it changed", "systemctl daemon-reload");
}

/// What every worker of a process should serve, and what one says.
class Workers {
 public:
  Workers(const Observed& now, const KeptFiles& kept, std::vector<Drift>& out)
      : now_(now), kept_(kept), out_(out), all_(now.status->workers) {}

  void compare() {
    const Tree& disk = now_.version->tree;
    const std::string tree = carried_digest(disk.empty() ? kept_.tree : disk);
    if (!tree.empty())
      compare(&WorkerReport::tree, tree, "tree", [&](const std::string& runs) {
        return Drift{State::unloaded, Ahead::disk, "workers",
                     fmt::format("a reload never took: all {} run the tree {}, and {} lies there", all_.size(),
                                 brief(runs), brief(tree)),
                     "orctl reload " + now_.name};
      });
    compare_document();
    compare_certificates();
    for (const WorkerReport& w : all_)
      if (!w.error.empty()) lags(w, "it keeps what it had: " + w.error);
    if (static_cast<int64_t>(all_.size()) < now_.status->worker_count)
      out_.push_back({State::behind, Ahead::disk, "workers",
                      fmt::format("{} of {} have said what they serve", all_.size(), now_.status->worker_count),
                      "orctl reload " + now_.name});
  }

 private:
  static std::string brief(const std::string& digest) { return digest.empty() ? "(none)" : digest.substr(0, 12); }

  void lags(const WorkerReport& w, const std::string& text) {
    const std::string subject = fmt::format("worker {}", w.pid);
    const bool told = std::any_of(out_.begin(), out_.end(), [&](const Drift& d) { return d.subject == subject; });
    if (!told) out_.push_back({State::behind, Ahead::disk, subject, text, "orctl reload " + now_.name});
  }

  /// Tells of each worker that says another digest than `wanted`, or, by `together`, of all when they agree on one.
  template <class Together>
  void compare(std::string WorkerReport::*said, const std::string& wanted, const char* what, const Together& together) {
    std::set<std::string> others;
    bool one_has_it = all_.empty();
    for (const WorkerReport& w : all_) {
      one_has_it = one_has_it || w.*said == wanted;
      if (w.*said != wanted) others.insert(w.*said);
    }
    if (others.size() == 1 && !one_has_it) return out_.push_back(together(*others.begin()));
    for (const WorkerReport& w : all_)
      if (w.*said != wanted)
        lags(w, fmt::format("it serves the {} {} (generation {}), and {} is wanted (generation {})", what,
                            brief(w.*said), w.generation, brief(wanted), now_.status->generation));
  }

  void compare_document() {
    if (now_.version->has_source()) return;  // what a source gave is meant to be another
    const auto of = [](const Tree& tree) {
      const auto found = tree.find(tree_path::document);
      return found == tree.end() ? std::string() : sha256(found->second.content);
    };
    // what was published last, which a worker may not have taken yet
    const std::string common = now_.status->common_digest(), disk = of(now_.version->tree), kept = of(kept_.tree);
    const std::string served = now_.status->digest.empty() ? common : now_.status->digest;
    const bool is_known = served.empty() || served == kept || served == disk;
    if (!is_known)
      out_.push_back(
          {State::hot_change, Ahead::running, "document",
           fmt::format("the gateway serves {}, which was put on the admin socket and is in no revision{}",
                       brief(served), now_.live.saved == served ? "; it is saved, and outlives a restart" : ""),
           keep_or_take_back(now_)});
    const std::string wanted = !served.empty() ? served : disk.empty() ? kept : disk;
    for (const WorkerReport& w : all_)
      if (w.digest != wanted)
        lags(w, fmt::format("it serves the document {} (generation {}), and {} is wanted (generation {})",
                            brief(w.digest), w.generation, brief(wanted), now_.status->generation));
  }

  void compare_certificates() {
    const Tree& disk = now_.version->tree;
    const std::set<std::string> hot = hot_files(disk);
    const std::vector<HandEdit> edits = hand_edits(kept_.tree, disk);
    const bool edited = std::any_of(edits.begin(), edits.end(), [&](const HandEdit& e) {
      return e.path == tree_path::certificates || hot.contains(e.path);
    });
    if (edited || disk.empty()) return;  // told by the file
    compare(&WorkerReport::certs, certificates_digest(disk), "certificates", [&](const std::string& runs) {
      return Drift{State::hot_change, Ahead::running, "certificates",
                   fmt::format("all {} workers serve {}, which were put on the admin socket and are in no revision",
                               all_.size(), brief(runs)),
                   take_back(now_)};
    });
  }

  const Observed& now_;
  const KeptFiles& kept_;
  std::vector<Drift>& out_;
  const std::vector<WorkerReport>& all_;
};

/// Whether somebody has changed it since it was looked at.
bool has_moved(const Observed& now, const World& world) {
  const auto live = applied_revision(world, now.name);
  const std::string folder = tree_folder(now.version->spec);
  return !live || live->commit != now.applied->commit || world.fs.exists(world.layout.stage(folder)) ||
         world.fs.exists(world.layout.aside(folder));
}

Drift interrupted(const Observed& now) {
  return {State::interrupted, Ahead::nobody, "change",
          "a change is under way, or was killed: the next one finishes or undoes it", "orctl start " + now.name};
}

/// Whether a kill explains what is there; a commit of others does not.
bool is_interrupted(const Observed& now, const Beyond& beyond) { return now.interrupted && !beyond.drift; }

}  // namespace

std::vector<Drift> drift_of_process(const Observed& now, const KeptFiles& kept) {
  std::vector<Drift> out;
  const auto process = [&](const std::string& text, const std::string& mend) {
    out.push_back({State::process, Ahead::running, "process", text, mend});
  };
  if (const std::string fault = now.fault_of_masters(); !fault.empty()) process(fault, "orctl start " + now.name);
  if (now.pid == 0 && now.unit && (now.unit->active == "failed" || now.live.restarting))
    process("its unit failed: " + now.unit->result, "orctl start " + now.name);
  if (now.pid == 0) return out;
  if (now.loss) process(now.loss->what, now.loss->hint);
  if (now.live.keeper == Live::Keeper::none)
    process("it runs outside of its systemd unit", "orctl restart " + now.name);
  if (!now.status)
    out.push_back({State::unknown, Ahead::nobody, "workers",
                   now.denied ? "no rights to ask what they serve" : "they do not say what they serve: " + now.problem,
                   now.denied ? "run as root or as its owner" : "orctl restart " + now.name});
  else
    Workers(now, kept, out).compare();
  return out;
}

std::vector<Drift> find_drift(const Observed& now, const World& world) {
  std::vector<Drift> out;
  if (now.broken || !now.version || !now.applied) return out;
  const Beyond beyond = look_beyond(now, world);
  if (is_interrupted(now, beyond)) return {interrupted(now)};
  if (beyond.drift) out.push_back(*beyond.drift);
  const KeptFiles kept = kept_files(world, beyond.moved_to.empty() ? now.applied->commit : beyond.moved_to);
  add_files(now, kept.tree, world, out);
  if (has_process(now.version->spec)) {
    add_unit(now, kept.unit, world, out);
    for (Drift& one : drift_of_process(now, kept)) out.push_back(std::move(one));
  }
  if (!out.empty() && has_moved(now, world)) return {interrupted(now)};
  return out;
}

std::vector<KeptFiles> revisions_of_tree(const Observed& now, const World& world) {
  if (!now.version || !now.applied || now.interrupted) return {};
  std::vector<KeptFiles> out = {kept_files(world, now.applied->commit)};
  if (now.head != now.applied->commit)
    if (const Beyond beyond = look_beyond(now, world); !beyond.moved_to.empty())
      out.push_back(kept_files(world, beyond.moved_to));
  const bool is_others = std::all_of(
      out.begin(), out.end(), [&](const KeptFiles& one) { return is_of_another_version(*now.version, one.tree); });
  return is_others ? std::vector<KeptFiles>{} : out;
}

}  // namespace orctl
