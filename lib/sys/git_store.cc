// Of Git (git.h): the repository itself, made and locked.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "sys/clock.h"
#include "sys/env.h"
#include "sys/fs.h"
#include "sys/git.h"
#include "sys/git2_handle.h"
#include "sys/interrupt.h"
#include "sys/lock.h"

namespace orctl {

void start_git() {
  static const bool started = [] {
    if (git_libgit2_init() < 0) throw Error(Exit::target, "cannot start libgit2");
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    for (const int level :
         {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    // store_state() checks the owner itself: libgit2 has no clear message
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    return true;
  }();
  static_cast<void>(started);
}

void git_check(int code, const std::string& doing, const std::string& path) {
  const int last_errno = errno;
  if (code >= 0) return;
  // libgit2 says nothing when a write fails: then errno is all there is
  const git_error* last = git_error_last();
  const bool told = last != nullptr && last->message != nullptr;
  const std::string why = told ? last->message : last_errno != 0 ? errno_text(last_errno) : "unknown error of libgit2";
  std::string hint = "run the same command again; orctl doctor says whether the store is sound";
  for (const int error : {EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EIO, EMFILE, ENFILE}) {
    if (why.ends_with(errno_text(error))) hint = errno_hint(error);
  }
  throw Error(Exit::target, fmt::format("cannot {} in the version store '{}': {}", doing, path, why), hint);
}

namespace {

bool has_content(const std::string& file) {
  const auto found = Fs({}).stat(file);
  return found && found->kind == Fs::Kind::file && found->size > 0;
}

bool is_folder(const std::string& path) {
  const auto found = Fs({}).stat(path);
  return found && found->kind == Fs::Kind::folder;
}

/// Calls `each` with the path of every regular file below `folder`.
void each_file(const std::string& folder, const std::function<void(const std::string&)>& each, size_t depth = 0) {
  if (!is_folder(folder) || depth > kept_tree_limits.depth) return;
  for (const auto& entry : Fs({}).list(folder)) {
    const std::string path = folder + "/" + entry.name;
    if (entry.kind == Fs::Kind::folder) each_file(path, each, depth + 1);
    if (entry.kind == Fs::Kind::file) each(path);
  }
}

bool has_refs(const std::string& path) {
  bool found = has_content(path + "/packed-refs");
  each_file(path + "/refs", [&](const std::string& file) { found = found || !file.ends_with(".lock"); });
  return found;
}

/// Whether all in the folder is what git puts into a new repository: then it is safe to finish it.
bool only_git_files(const std::string& path) {
  static const std::set<std::string> known = {"HEAD",        "config", "objects",     "refs",
                                              "hooks",       "info",   "description", "branches",
                                              "packed-refs", "logs",   "orctl-aside", "gc.log"};
  const auto entries = Fs({}).list(path);
  return std::all_of(entries.begin(), entries.end(), [](const Fs::Entry& entry) {
    if (entry.name.starts_with("_git2_")) return true;
    const bool lock = entry.name.ends_with(".lock");
    return known.contains(lock ? entry.name.substr(0, entry.name.size() - 5) : entry.name);
  });
}

/// What a killed process left of its unfinished writes: locks that would stop all later ones, and scratch files. Only
/// for who holds our lock: then whoever made them is dead.
void remove_leftovers(Fs& fs, const std::string& path) {
  for (const char* name : {"HEAD.lock", "config.lock", "packed-refs.lock"}) fs.remove(path + "/" + name);
  each_file(path + "/refs", [&](const std::string& file) {
    if (file.ends_with(".lock")) fs.remove(file);
  });
  for (const std::string& folder : {path, path + "/objects"}) {
    if (!is_folder(folder)) continue;
    for (const auto& entry : fs.list(folder)) {
      const bool scratch = entry.name.starts_with("_git2_") || entry.name.starts_with("tmp_object_git2_") ||
                           entry.name.starts_with(scratch_object);
      if (scratch && entry.kind != Fs::Kind::folder) fs.remove(folder + "/" + entry.name);
    }
  }
}

void check_owner(const std::string& path, uint32_t owner) {
  const Env env;
  // Root's files are trusted by everyone; anyone else's could make us read what they please.
  if (owner == env.uid() || owner == 0) return;
  throw Error(
      Exit::refused,
      fmt::format("the version store '{}' belongs to uid {}, and you are {} (uid {})", path, owner, env.user(),
                  env.uid()),
      fmt::format("run as its owner, or, if you trust all in it, change the owner: chown -R {} {}", env.uid(), path));
}

/// What a kill or a power cut inside git_repository_init leaves: made anew, as long as no ref needs it.
void finish_init(const std::string& path) {
  start_git();
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR | GIT_REPOSITORY_INIT_NO_DOTGIT_DIR;
  options.initial_head = "main";
  options.description =
      "Versions of the instances on this host; written by orctl. Read them with git log <instance>.\n";
  Repository repository;
  git_check(git_repository_init_ext(Out(repository), path.c_str(), &options), "make a repository", path);
}

/// libgit2 renames HEAD and config into place without fsync: a power cut soon after leaves them empty.
void sync_file_system(const std::string& path) {
  const Fd folder = open_folder(path);
  if (retried([&] { return ::syncfs(folder.get()); }) != 0) throw change_fault("make durable", path, errno);
}

}  // namespace

namespace {

/// Where a symlink leads to; nullopt when that is nowhere.
std::optional<Fs::Stat> end_of_link(const std::string& path) {
  struct stat raw = {};
  if (::stat(path.c_str(), &raw) != 0 && (errno == ELOOP || errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  return Fs({}).follow(path);
}

/// Who wants to change the store is told what stands there.
void refuse_misplaced(const std::string& path, StoreState state) {
  if (state == StoreState::misplaced)
    throw Error(Exit::target, fmt::format("'{}' is no folder, so there is no version store", path),
                "orctl store verify says what mends it");
}

}  // namespace

StoreState store_state(const std::string& path) {
  const auto link = Fs({}).stat(path);
  if (!link) return StoreState::absent;
  const auto found = link->kind == Fs::Kind::symlink ? end_of_link(path) : link;
  if (!found || found->kind != Fs::Kind::folder) return StoreState::misplaced;
  check_owner(path, found->uid);
  const bool folders = is_folder(path + "/objects") && is_folder(path + "/refs");
  if (folders && has_content(path + "/HEAD") && has_content(path + "/config")) return StoreState::ready;
  // Nothing of ours is read from HEAD and config: only git itself needs them. What is missing else is told of each who
  // needs it, and lock() makes the folders again.
  if (has_refs(path)) return StoreState::ready;
  if (only_git_files(path)) return Fs({}).list(path).empty() ? StoreState::absent : StoreState::unfinished;
  throw Error(Exit::target, fmt::format("'{}' is no git repository, or a damaged one", path),
              "move it away, or choose another place with --root DIR");
}

void need_store(const std::string& path) {
  stop_if_interrupted();
  const StoreState state = store_state(path);
  if (state == StoreState::ready) return;
  refuse_misplaced(path, state);
  throw Error(Exit::refused, fmt::format("there is no version store at '{}' yet", path),
              "the first apply makes it; or choose another place with --root DIR");
}

bool Git::exists() const { return store_state(path_) == StoreState::ready; }

FileLock Git::lock_file(Millis wait) {
  fs_.make_folders(path_parts(path_).folder);
  FileLock lock = fs_.lock(path_ + ".lock", wait, fmt::format("the version store '{}'", path_));
  const StoreState state = store_state(path_);
  refuse_misplaced(path_, state);
  if (state != StoreState::absent && fs_.follow(path_)->uid != Env().uid()) {
    throw Error(Exit::target, fmt::format("the version store '{}' belongs to uid {}", path_, fs_.follow(path_)->uid),
                "run as its owner, or choose another place with --root DIR");
  }
  return lock;
}

void Git::make_way(Millis wait) {
  const FileLock lock = fs_.lock(path_ + ".lock", wait, fmt::format("the version store '{}'", path_));
  std::string place = path_ + ".orctl-aside";
  for (int n = 2; fs_.exists(place); ++n) place = fmt::format("{}.orctl-aside.{}", path_, n);
  say(trace_, fmt::format("rename {} {}", path_, place));
  fs_.rename(path_, place);
}

void Git::heal_places(Millis wait) {
  const StoreState state = store_state(path_);
  if (state == StoreState::absent) return;
  if (state == StoreState::misplaced) return make_way(wait);
  const FileLock lock = lock_file(wait);
  for (const Misplaced& one : misplaced(path_)) move_aside(one.file);
  Fs fs = writer();
  for (const char* name : {"/objects", "/refs"})
    if (!fs.follow(path_ + name)) fs.make_folders(path_ + name);
}

FileLock Git::lock(Millis wait) {
  FileLock lock = lock_file(wait);
  const StoreState state = store_state(path_);
  remove_leftovers(fs_, path_);
  if (state == StoreState::unfinished) {
    // libgit2 takes a repository with an empty HEAD or config for a whole one and leaves them so.
    for (const char* name : {"HEAD", "config"}) fs_.remove(path_ + "/" + name);
  }
  for (const char* name : {"/objects", "/refs"})
    if (state == StoreState::ready && !fs_.follow(path_ + name)) fs_.make_folders(path_ + name);
  if (state != StoreState::ready) {
    say(trace_, "git init " + path_);
    finish_init(path_);
  }
  // A store without refs may come from an init that was killed before this line.
  if (state != StoreState::ready || !has_refs(path_)) {
    sync_file_system(path_);
    sync_folder(path_parts(path_).folder);
  }
  return lock;
}

}  // namespace orctl
