#pragma once
#include <git2.h>

#include <memory>
#include <string>

#include "sys/fault.h"

/// libgit2's objects as values that free themselves, and its errors as ours. Only git_*.cc include this.
namespace orctl {

template <auto Free>
struct GitFree {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
template <class T, auto Free>
using GitHandle = std::unique_ptr<T, GitFree<Free>>;

using Repository = GitHandle<git_repository, git_repository_free>;
using Reference = GitHandle<git_reference, git_reference_free>;
using CommitHandle = GitHandle<git_commit, git_commit_free>;
using TreeHandle = GitHandle<git_tree, git_tree_free>;
using Odb = GitHandle<git_odb, git_odb_free>;
using Blob = GitHandle<git_blob, git_blob_free>;
using Index = GitHandle<git_index, git_index_free>;
using Note = GitHandle<git_note, git_note_free>;
using Patch = GitHandle<git_patch, git_patch_free>;
using Signature = GitHandle<git_signature, git_signature_free>;

/// Lets a C function fill a handle: `git_blob_lookup(Out(blob), …)`.
template <class Handle>
class Out {
 public:
  explicit Out(Handle& handle) : handle_(handle) {}
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  ~Out() { handle_.reset(raw_); }
  operator typename Handle::pointer *() { return &raw_; }

 private:
  Handle& handle_;
  typename Handle::pointer raw_ = nullptr;
};

constexpr const char* notes_ref = "refs/notes/orctl";

/// Starts libgit2 on the first call: fsync on, nobody's configuration.
void start_git();
/// The last libgit2 error as "cannot <doing> in the version store '<path>': …" (Exit::target).
Error git_fault(const std::string& doing, const std::string& path);
/// Lest the next fault is told with the reason of an earlier one that was no fault.
void forget_git_error();
/// Throws git_fault when `code` is negative.
void git_check(int code, const std::string& doing, const std::string& path);

enum class StoreState {
  absent,      ///< nothing there, or an empty folder
  unfinished,  ///< a kill or a power cut left it without a whole HEAD or config; it holds no refs
  ready,
};
/// Looks at the files only. Errors when it belongs to another user or is something else or damaged.
StoreState store_state(const std::string& path);
Repository open_store(const std::string& path);

std::string hex(const git_oid& id);
/// The commit with this id, which may be shortened to 4 digits or more.
CommitHandle find_commit(git_repository* repository, const std::string& id, const std::string& path);

}  // namespace orctl
