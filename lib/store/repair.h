#pragma once
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "store/history.h"
#include "sys/world.h"

/// What of the store's histories can be read and kept.
namespace orctl {

/// What the mending of one instance's history comes to. Made by looking; repair_instance() of change/store_repair.h
/// carries it out.
struct Repair {
  std::string name;
  std::vector<Revision> kept;          ///< oldest first, with the commits that they have now
  std::vector<std::string> dropped;    ///< "revision 3", "what came before revision 2"
  std::optional<Version> live;         ///< the new revision that the live tree becomes; absent: none is needed
  std::string applied;                 ///< of `kept`, the commit that is live; "" when `live` is, or nothing
  std::vector<std::string> questions;  ///< what only --yes answers
  bool on_host = false;
};

inline constexpr const char* notes_of_all = "refs/notes/orctl";

/// The instance that a ref is of; "" when it is nobody's.
std::string instance_of_ref(const std::string& ref);
/// The commit that a ref leads to; "" when it is not there or cannot be read.
std::string tip_of(const std::string& ref, const World& world);
/// The instance of whose history a commit is, by its spec; "" when it holds none that can be read.
std::string owner_of_commit(const std::string& commit, const World& world);
/// Why a commit's manifest cannot be the instance's; "" when it can.
std::string fault_of_manifest(const std::string& name, const std::string& commit, const World& world);

/// Fills in what of the history can be kept, oldest first, and words for the rest. Where the branch is lost, what is
/// applied leads to most of it, and what no ref leads to is found by what it holds.
void sort_out_history(Repair& repair, const World& world);

/// The kept revision that is live: the applied one, or else the newest that is what lies on disk.
std::string find_live(const Repair& repair, const Tree& tree, const World& world);
/// The same where nothing lies on disk: the applied one, or else the newest that was.
std::string live_without_tree(const Repair& repair, const World& world);

}  // namespace orctl
