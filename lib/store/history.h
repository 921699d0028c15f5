#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kind/kind.h"
#include "plan/drift.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

/// One committed version of one instance, as the store tells it.
struct Revision {
  int number = 0;
  std::string commit;
  int64_t time = 0;  ///< seconds since 1970
  std::string author, reason, ticket, command, digest;
  std::string plan;      ///< digest of the plan that made it (plan_digest()); "" of an older orctl
  std::string audit;     ///< audit_head() before it; "" of an older orctl
  bool deletes = false;  ///< this revision took the instance away
  /// "applied", "rolled-back", "interrupted", "deleted"; "" while nobody has said; unknown_outcome
  std::string outcome;
  std::string cause, duration;  ///< why it was rolled back; how long it took
  bool live = false;            ///< refs/orctl/applied/<name> is here
};
/// Of a revision whose note cannot be read; `cause` tells why.
constexpr const char* unknown_outcome = "unknown";
Value to_value(const Revision& r);

/// What goes into a revision besides the version itself.
struct RevisionNote {
  std::string author, reason, command;
  std::string ticket{};
  std::string plan{};   ///< digest of the plan
  std::string audit{};  ///< audit_head() before it
};

/// Whether this can be an instance's name at all; anything else must not get into the name of a ref.
bool can_be_instance(const std::string& name);
/// Whether it can be the id (id_of()) of an instance, or of an object of another kind that lives on a host.
bool can_be_stored(const std::string& id);
std::string branch_of(const std::string& name);    ///< "refs/heads/<name>"
std::string applied_ref(const std::string& name);  ///< "refs/orctl/applied/<name>"

/// All instances that the store knows, deleted ones included.
std::vector<std::string> known_instances(const World& world);
/// Those of which the store has a branch or an applied ref, whether they can be read or not.
std::vector<std::string> recorded_instances(const World& world);
/// Those that are applied, those whose first apply was killed half-way, and those whose history cannot tell.
std::vector<std::string> present_instances(const World& world);

/// The ids of those objects of one kind that are there, by the same rule.
std::vector<std::string> present_objects(const Kind& kind, const World& world);
/// What to say of an id that nothing has.
Error unknown_object(const std::string& id, const World& world);

/// The ids of all objects, of whatever kind, by the rules of recorded_instances() and present_instances().
std::vector<std::string> recorded_ids(const World& world);
std::vector<std::string> present_ids(const World& world);

/// Newest first; empty when the instance is unknown. limit 0: all.
std::vector<Revision> revisions(const World& world, const std::string& name, size_t limit = 0);
/// The revision that a commit is; the caller knows whose.
Revision revision_at(const World& world, const std::string& commit);
int revision_number(const Git::Commit& commit);  ///< 0 when it has none
/// revisions() as far as they can be read; `end` is set to what could not.
std::vector<Revision> readable_revisions(const World& world, const std::string& name, size_t limit,
                                         std::optional<Error>& end);
/// Whether its last revision was applied, and no ref says so: the ref got lost.
bool has_lost_applied(const World& world, const std::string& name);
/// Exit::absent with the known numbers when there is no such revision.
Revision find_revision(const World& world, const std::string& name, int number);
std::optional<Revision> applied_revision(const World& world, const std::string& name);

/// What to say of a ref that should be there; `why` says what tells so.
Error lost_ref(const std::string& ref, const std::string& why);
/// What to say of an instance that has no revisions, or none that is applied: Exit::target when they are lost.
Error no_revisions(const World& world, const std::string& name);
/// The live revision; throws no_revisions().
Revision live_revision(const World& world, const std::string& name);
/// The newest revision before the live one that was applied: what a rollback without --to goes back to. For an instance
/// that was deleted, the last one applied. Exit::usage when there is none.
Revision revision_before_live(const World& world, const std::string& name);

/// What a commit says of its version: manifest, spec and unit; `tree` is empty and not read, nor is there a digest. A
/// spec that cannot be an instance's is an Error(Exit::target).
std::shared_ptr<const Version> load_manifest(const World& world, const std::string& commit);
/// The same, and the version must be of this instance: a ref may have been moved to another's history.
std::shared_ptr<const Version> load_manifest(const World& world, const std::string& name, const std::string& commit);

/// The version that a commit holds; private keys are taken from `keys` by their fingerprint, and when one is missing
/// there the result lacks that file and `missing` names it.
Version load_version(const World& world, const std::string& commit, const Tree& keys,
                     std::vector<std::string>* missing = nullptr);

/// The version that a commit holds, to be compared and never written: of secret files it has the fingerprints only.
Version load_to_compare(const World& world, const std::string& commit);

/// The files of a commit's tree, and its unit, to be compared with what is on the host: of secret files it has the
/// fingerprints only, and what the manifest says is not read.
KeptFiles kept_files(const World& world, const std::string& commit);

/// The files of a version as a commit holds them; those of the tree alone, when that is all there is.
Tree stored_tree(const Version& version);

/// Commits `version` (nullopt: a revision that takes the instance away) on top of `parent`; the caller holds the
/// instance's lock and the store's. Returns the commit.
std::string commit_version(World& world, const std::string& name, const std::string& parent,
                           const std::optional<Version>& version, const RevisionNote& note);

/// Says how a revision ended; one note for each commit, a new one replaces it.
void note_outcome(World& world, const std::string& commit, const std::string& outcome, const std::string& cause,
                  Millis took);

}  // namespace orctl
