#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tree.h"
#include "base/tree_paths.h"
#include "model/schema.h"
#include "model/value.h"
#include "plan/key.h"
#include "plan/step.h"

namespace orctl {

enum class Op { add, remove, change };

/// One difference, for people and for the decision how much it disturbs. `reason` is for eyes only.
struct Change {
  Op op = Op::change;
  Key key;
  Value before, after;  ///< what is secret by its type stands here masked (model/masked.h)
  Impact impact = Impact::none;
  std::string reason;
  bool operator==(const Change&) const = default;
};

/// Everything that one version of one instance, or of an object of another kind, is made of.
struct Version {
  Value spec;                 ///< the manifest with all defaults
  std::string manifest;       ///< the manifest as written
  std::string manifest_name;  ///< "manifest.toml" or "manifest.json"
  Tree tree;
  std::string digest;  ///< of the tree without what is changed hot (render/render.h)
  std::string unit;
  bool operator==(const Version&) const = default;

  /// Whether the gateway takes its document from elsewhere while it runs; the tree's own is only the start value.
  bool has_source() const { return spec.find("source") != nullptr; }

  /// The gateway document; "" when there is none.
  const std::string& document() const {
    static const std::string none;
    const auto found = tree.find(tree_path::document);
    return found == tree.end() ? none : found->second.content;
  }
};

/// What is there besides the files' contents: what the instance's process says of itself, and whose the tree is.
struct Live {
  /// What runs it: orctl itself, its systemd unit, or neither although there is one (it outlived its unit, or is from
  /// before systemd was to run it).
  enum class Keeper { process, unit, none };
  bool running = false;
  std::string binary;  ///< of the master
  std::string digest;  ///< of the document that all workers serve; "" when they differ or do not answer
  std::string tree;    ///< digest of the tree that all workers run; "" likewise
  std::string certs;   ///< digest of the certificates that all workers serve; "" likewise, and when there are none
  Keeper keeper = Keeper::process;
  bool restarting = false;           ///< it does not run, but systemd is about to start it again
  bool orphaned = false;             ///< workers of a master that was killed serve on
  bool other_rights = false;         ///< the unit that is to be gives a new process other rights than this one has
  bool at_boot = false;              ///< systemd starts it at boot
  std::vector<Misfit> misfits;       ///< of the tree on disk
  bool answers = true;               ///< false when it runs and no worker says what it serves: all may hang
  std::string lost;                  ///< what of it is gone from the host though it runs, such as its admin socket
  Impact lost_needs = Impact::none;  ///< what brings that back
  std::string saved;  ///< digest of the document that a start serves in the place of the tree's; "" when there is none
  bool operator==(const Live&) const = default;
};

struct InstancePlan {
  std::string name;
  std::string base;                      ///< commit id that the plan was made upon; "" when there was none
  std::optional<Version> before, after;  ///< absent: the instance does not exist
  std::vector<Change> changes;
  std::vector<Step> steps;
  std::vector<std::string> flattened = {};  ///< files, or "unit", whose edit by hand goes (plan/drift.h)
  bool operator==(const InstancePlan&) const = default;

  Impact impact() const;  ///< the strongest of its changes
  bool empty() const { return changes.empty(); }
  bool makes_revision() const;
  /// Whether it is about an instance, which has a process, a unit and an admin socket; an object that lives in files
  /// has none.
  bool has_process() const;
};

/// What is to be done to the world: made by looking, shown to people, carried out by apply(). Holds no time, pid or
/// chance.
struct Plan {
  std::vector<InstancePlan> instances;
  bool operator==(const Plan&) const = default;

  bool empty() const;
};

/// All differences between two specs of one kind, in the order of its schema.
std::vector<Change> diff_specs(const Value& before, const Value& after);

/// What a new instance or object will be: the fields of its spec that are others than of one that says nothing.
std::vector<Change> fields_of_new(const Value& spec);

/// The plan that brings one instance from `before`, running as `live` says, to `after`. `binary` is the nginx that
/// `after` is meant for.
InstancePlan plan_instance(const std::string& name, const std::string& base, std::optional<Version> before,
                           std::optional<Version> after, const Live& live, const std::string& binary);

/// The plan that starts, stops, restarts or (nullopt) reloads an instance as it is on disk; empty when it is so
/// already, or when what is to be reloaded does not run.
InstancePlan plan_lifecycle(const std::string& name, const std::string& base, const Version& version, const Live& live,
                            std::optional<Supervise::Action> action);

/// Adds to each instance that gets a new revision the step that arms its way back.
void ask_confirmation(Plan& plan);

/// Name, impact, changes and steps of a plan without the files: what people and pipelines read.
Value summary(const InstancePlan& plan);
/// What tells one plan from another: a digest of its summary and of what it was made upon.
std::string plan_digest(const InstancePlan& plan);

}  // namespace orctl
