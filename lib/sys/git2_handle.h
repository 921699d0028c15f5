#pragma once
#include <git2.h>

#include <memory>
#include <string>

#include "sys/git_handle.h"

/// libgit2's objects as values that free themselves, and its errors as ours. It makes new stores and compares texts; no
/// file of a store is given to it to read. Only git_*.cc include this.
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
using Patch = GitHandle<git_patch, git_patch_free>;

/// Lets a C function fill a handle: `git_patch_from_buffers(Out(patch), …)`.
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

/// Starts libgit2 on the first call: fsync on, nobody's configuration.
void start_git();
/// Throws "cannot <doing> in the version store '<path>': …" (Exit::target) when `code` is negative.
void git_check(int code, const std::string& doing, const std::string& path);

}  // namespace orctl
