#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/tree.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/lock.h"
#include "sys/trace.h"

namespace orctl {

/// One bare repository, the store of all versions. What is read is bounded and checked (sys/git_object.h); what is
/// written is durable. All changes must be made under lock().
class Git {
 public:
  struct Commit {
    std::string id, parent;  ///< parent "" for the first
    std::string author, message;
    int64_t time = 0;  ///< seconds since 1970, UTC
  };
  /// One ref by its name; `id` is "" when it cannot be read, and then `fault` says why.
  struct Ref {
    std::string name, id, fault;
  };
  /// Something of the store that is damaged or missing.
  struct Fault {
    std::string kind;  ///< "commit", "tree", "blob", "object", "pack", "ref" or "file"
    std::string what;  ///< the id of an object, the name of a ref or file
    std::string why;
    std::string file;                ///< what can be moved aside; "" when nothing is there
    std::string ref, commit, place;  ///< who needs it, if anybody: the file `place` of `commit`, which `ref` leads to
  };

  /// `root` as for Fs.
  Git(Trace trace, std::string path, const std::string& root = "")
      : trace_(trace), path_(std::move(path)), root_(root), fs_(std::move(trace), root) {}

  const std::string& path() const { return path_; }
  bool exists() const;  ///< there is a repository; an Error when it is there but of another owner or broken
  std::optional<std::string> ref(const std::string& name) const;  ///< full name "refs/heads/x" -> commit id
  std::vector<Ref> refs(const std::string& prefix) const;         ///< all below "refs/heads/", broken ones too, sorted
  /// What is damaged of HEAD and config, which only git itself reads, and of packed-refs, which may hide refs.
  std::vector<Fault> file_faults() const;
  Commit commit(const std::string& id) const;
  /// Newest first, following first parents from `ref`; at most `limit` (0: all). Empty when the ref is missing.
  std::vector<Commit> log(const std::string& ref, size_t limit = 0) const;
  /// All files of a commit. Refuses hostile entries: "..", ".git", absolute, control bytes, symlinks, gitlinks,
  /// above kept_tree_limits. `top` leaves out, unread, what lies in folders.
  enum class Reach { whole, top };
  Tree files(const std::string& commit_id, Reach reach = Reach::whole) const;
  std::optional<std::string> note(const std::string& commit_id) const;  ///< on refs/notes/orctl
  /// Unified diff of two texts, git's format with a/ and b/; "" when equal. An absent side is nullptr.
  static std::string text_diff(const std::string& path, const std::string* before, const std::string* after);
  /// All that is damaged or missing, as git fsck would find it: every ref, object and pack, and all that refs need.
  std::vector<Fault> check() const;
  /// The ids of all commits that can be read, whether a ref leads there or not.
  std::vector<std::string> all_commits() const;
  /// Contents of all blobs of at most `max` bytes that can be read and that `wanted` takes.
  std::vector<std::string> all_blobs(size_t max, const std::function<bool(const std::string&)>& wanted) const;

  /// Locks the store among processes (flock on <path>.lock), makes the repository when missing (bare, then syncfs),
  /// and removes stale *.lock files that a killed process left in it.
  FileLock lock(Millis wait);
  /// Commits `files` on `branch` (full name) whose tip must be `expected_parent` ("" = no branch yet); Exit::conflict
  /// otherwise. Objects and the ref are durable on return; damaged copies of these objects are replaced. Returns the
  /// id.
  std::string commit_files(const std::string& branch, const std::string& expected_parent, const Tree& files,
                           const std::string& author, const std::string& message);
  void set_ref(const std::string& name, const std::string& id);          ///< creates or moves, durable
  void remove_ref(const std::string& name);                              ///< no error when absent
  void set_note(const std::string& commit_id, const std::string& text);  ///< replaces

  /// Writes those objects of `files` that have one of these ids, and makes no commit: the store had them before.
  void heal_objects(const Tree& files, const std::set<std::string>& ids);
  /// The same commit on another parent; its note comes along. Returns the new id.
  std::string commit_again(const std::string& id, const std::string& parent);
  /// Moves files of the store into its folder orctl-aside/, which is made when missing.
  void move_aside(const std::string& file);
  /// Moves aside whatever is of another kind than git has in its place below objects/ and refs/, and makes these two
  /// where they are missing; the same of what stands where the store is to be. Takes the lock itself: a store in this
  /// state need not be one that lock() can finish.
  void heal_places(Millis wait);
  /// Takes all that can be read out of a damaged pack, and moves it aside.
  void heal_pack(const std::string& pack);
  /// HEAD and config as a new store has them, where they are missing or damaged.
  void heal_head();
  /// Takes the lines out of packed-refs that are no refs; the whole file is kept in orctl-aside/.
  void heal_packed_refs();
  /// The newest notes that can be read, as far as they can be; what is damaged is left out.
  void heal_notes();

 private:
  Fs writer() const;
  FileLock lock_file(Millis wait);
  void make_way(Millis wait);
  void move_ref(const std::string& name, const std::string& id, const std::optional<std::string>& expected);

  Trace trace_;
  std::string path_, root_;
  Fs fs_;
};

}  // namespace orctl
