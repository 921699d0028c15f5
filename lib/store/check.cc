#include "store/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/repair.h"

namespace orctl {
namespace {

int number_of(const World& world, const std::string& commit) {
  try {
    return revision_number(world.git.commit(commit));
  } catch (const Error&) {
    stop_if_interrupted();
    return 0;
  }
}

/// The newest outcome of an instance is one of the last that were noted: when the notes are gone, so is that.
void tell_lost_notes(const World& world, std::vector<StoreFault>& out) {
  try {
    if (world.git.ref(notes_of_all)) return;
  } catch (const Error&) {
    return stop_if_interrupted();  // told as a damaged ref
  }
  for (const std::string& name : recorded_ids(world)) {
    std::optional<Error> end;
    for (const Revision& r : readable_revisions(world, name, 1, end))
      if (r.outcome.empty())
        out.push_back({{"ref", notes_of_all, "it is missing, and with it the outcome", "", notes_of_all, r.commit, ""},
                       name,
                       r.number});
  }
}

/// What git can read and is no revision of the instance all the same: another's history, or a spec that is none.
class MeaningCheck {
 public:
  MeaningCheck(const World& world, std::vector<StoreFault>& out) : world_(world), out_(out) {}

  void check(const std::string& name) {
    const std::string other = whose(name, tip_of(branch_of(name), world_));
    if (!other.empty())
      tell(name, {"ref", branch_of(name), led_to(other), "", branch_of(name), "", ""}, 0);
    else
      check_revisions(name);
    const std::string applied = tip_of(applied_ref(name), world_);
    if (const std::string its = whose(name, applied); !its.empty())
      tell(name, {"ref", applied_ref(name), led_to(its), "", applied_ref(name), "", ""}, 0);
  }

 private:
  static std::string led_to(const std::string& other) { return "it leads to the history of " + other; }

  /// The other instance that a commit is of; "" when it is of this one, or cannot be read.
  std::string whose(const std::string& name, const std::string& commit) const {
    const std::string owner = owner_of_commit(commit, world_);
    return owner == name ? "" : owner;
  }

  void check_revisions(const std::string& name) {
    std::optional<Error> end;
    for (const Revision& r : readable_revisions(world_, name, 0, end)) {
      const bool told = std::any_of(out_.begin(), out_.end(), [&](const StoreFault& f) {
        return f.instance == name && f.fault.commit == r.commit;
      });
      if (told || r.deletes) continue;
      if (const std::string why = fault_of_manifest(name, r.commit, world_); !why.empty())
        tell(name, {"commit", r.commit, why, "", branch_of(name), r.commit, "spec.json"}, r.number);
    }
  }

  void tell(const std::string& name, Git::Fault fault, int revision) {
    out_.push_back({std::move(fault), name, revision});
  }

  const World& world_;
  std::vector<StoreFault>& out_;
};

}  // namespace

std::string StoreFault::mend() const {
  return lost ? mend_lost_history(instance) : std::string(trim("orctl store repair " + instance));
}

std::string StoreFault::text() const {
  std::string out = fault.kind + " " + fault.what + ": " + fault.why;
  if (instance.empty()) return out;
  out += "; needed by " + instance;
  if (revision != 0) out += fmt::format(" (revision {}{}{})", revision, fault.place.empty() ? "" : ", ", fault.place);
  return out;
}

std::vector<StoreFault> verify_store(const World& world) {
  std::vector<StoreFault> out;
  std::set<std::string> told;
  for (Git::Fault& fault : world.git.check()) {
    StoreFault one;
    one.instance = instance_of_ref(fault.ref);
    if (!told.insert(fault.kind + fault.what + " " + one.instance).second) continue;
    if (!one.instance.empty() && !fault.commit.empty()) one.revision = number_of(world, fault.commit);
    one.fault = std::move(fault);
    out.push_back(std::move(one));
  }
  MeaningCheck meaning(world, out);
  for (const std::string& id : recorded_ids(world)) meaning.check(id);
  for (const std::string& name : present_ids(world)) {
    const auto gone = [&](const std::string& ref, const char* why) {
      out.push_back({{"ref", ref, why, "", ref, "", ""}, name, 0});
    };
    try {
      if (!world.git.ref(branch_of(name))) gone(branch_of(name), "it is missing");
      if (has_lost_applied(world, name)) gone(applied_ref(name), "it is missing, and its last revision was applied");
    } catch (const Error&) {
      stop_if_interrupted();  // told above
    }
  }
  tell_lost_notes(world, out);
  for (const auto& [name, tree] : lost_instances(world))
    out.push_back({{"ref", branch_of(name), fmt::format("it is missing, and '{}' is its tree", tree), "", "", "", ""},
                   name,
                   0,
                   true});
  return out;
}

}  // namespace orctl
