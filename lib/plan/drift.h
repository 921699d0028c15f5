#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/tree.h"
#include "plan/plan.h"

namespace orctl {

/// How one file of a live tree is not as its revision has it.
struct HandEdit {
  enum class How { changed, missing, foreign, irregular, rights } how = How::changed;
  std::string path;
  std::string irregular = {};  ///< "a symlink" of an irregular one
  bool operator==(const HandEdit&) const = default;

  std::string text() const;  ///< "changed", "missing", "in no revision", "a symlink", "other rights"
};

/// Every file of `live` that is not as `kept` has it, by path. Of secret files `kept` may have the fingerprints alone.
std::vector<HandEdit> hand_edits(const Tree& kept, const Tree& live);

/// The files of a revision, its secret ones by their fingerprints.
struct KeptFiles {
  Tree tree;
  std::string unit;
};

/// Says in `plan` which edits by hand it takes away: files, and the unit, that differ from what each of `kept` has, and
/// from what the plan makes of them. Other rights are none, and neither is a tree that is gone as a whole.
void tell_flattened(InstancePlan& plan, const std::vector<KeptFiles>& kept);

/// Takes that back for a plan that keeps those edits in other words.
void forget_flattened(InstancePlan& plan);

/// One difference between what the store calls live, what lies on the host, and what runs there.
struct Drift {
  enum class State {
    edited,       ///< a file was changed or taken away on the host
    foreign,      ///< a file of the tree is in no revision
    tree_gone,    ///< no tree is there
    rights,       ///< a file or folder has another owner or other rights
    unit,         ///< the unit differs, has drop-ins, or was not read by systemd
    hot_change,   ///< somebody gave the gateway another document, or other certificates
    unloaded,     ///< a reload never took: the workers run another tree than lies there
    behind,       ///< one worker serves something else than the others
    store_moved,  ///< the store's branch, or its word on what is live, leads elsewhere
    interrupted,  ///< a change is under way, or was killed
    process,      ///< what runs is not one whole nginx, run by whom it should be
    unknown,      ///< it could not be asked
  } state = State::edited;
  enum class Ahead { disk, running, store, nobody } ahead = Ahead::disk;  ///< who has what the others do not
  std::string subject;                                                    ///< "file nginx.conf", "worker 4711", "unit"
  std::string text;                                                       ///< what is the matter with it
  std::string mend;                                                       ///< the command that mends it
  bool operator==(const Drift&) const = default;
};

std::string_view to_string(Drift::State state);  ///< "edited", "foreign-file", "reload-never-took", …
std::string_view to_string(Drift::Ahead ahead);  ///< "disk", "running", "store", "-"

}  // namespace orctl
