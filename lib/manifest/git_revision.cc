#include "manifest/git_revision.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sys/scratch_folder.h"

namespace orctl {
namespace {

constexpr Millis git_limit(120000);

/// Runs git as the user would here: with his configuration, which says whose repositories he trusts. None of what is
/// run calls a hook.
class UsersGit {
 public:
  UsersGit(World& world, const std::string& scratch) : world_(world) {
    const auto git = world.fs.find_program("git", world.env.get("PATH"));
    const auto env = world.fs.find_program("env", "/usr/bin:/bin");
    if (!git || !env) throw Error(Exit::target, "there is no program 'git' here", "install it: apt-get install git");
    argv_ = {*env, "HOME=" + world.env.get("HOME"), "GIT_INDEX_FILE=" + scratch + "/index"};
    for (const char* name : {"XDG_CONFIG_HOME", "GIT_DIR", "GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES"})
      if (const std::string value = world.env.get(name); !value.empty()) argv_.push_back(name + ("=" + value));
    argv_.insert(argv_.end(), {*git, "-C", world.fs.absolute(".")});
  }

  Proc::Result run(const std::vector<std::string>& args) {
    std::vector<std::string> argv = argv_;
    argv.insert(argv.end(), args.begin(), args.end());
    return world_.proc.run(argv, git_limit);
  }

 private:
  World& world_;
  std::vector<std::string> argv_;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// It is there, and a full disk, say, keeps it from being read.
Error not_written(const std::string& place, const Proc::Result& said) {
  return Error(Exit::target, fmt::format("'{}' cannot be written out: git says {:?}", place, first_line(said.err)),
               "look at the room and the rights of $TMPDIR, or /tmp");
}

Error not_there(const std::string& place, const Proc::Result& said) {
  return Error(Exit::usage, fmt::format("'{}' cannot be found: git says {:?}", place, first_line(said.err)),
               "git:REV:PATH is a revision as git names it and a path from the top of its repository, such as "
               "git:origin/main:manifests/");
}

/// A revision of the repository, written out.
class CheckedOut {
 public:
  CheckedOut(std::string place, World& world) : place_(std::move(place)) {
    UsersGit git(world, scratch_.path());
    const std::string rest = place_.substr(git_prefix.size());
    const size_t colon = rest.find(':');
    const std::string revision = rest.substr(0, colon), path = colon == rest.npos ? "" : rest.substr(colon + 1);
    if (colon == rest.npos || revision.empty() || revision.starts_with('-'))
      throw Error(Exit::usage, fmt::format("'{}' names no place in a repository", place_),
                  "write git:REV:PATH, such as git:origin/main:manifests/");
    using Fault = Error (*)(const std::string&, const Proc::Result&);
    const auto must = [&](const std::vector<std::string>& args, Fault fault = not_there) {
      const Proc::Result said = git.run(args);
      if (said.status != 0) throw fault(place_, said);
      return first_line(said.out);
    };
    const std::string commit = must({"rev-parse", "--verify", revision + "^{commit}"});
    const bool file = must({"cat-file", "-t", commit + ":" + path}) == "blob";
    // what a manifest needs lies beside it
    const size_t slash = path.rfind('/');
    above_ = !file ? path : slash == path.npos ? "" : path.substr(0, slash);
    if (file) name_ = slash == path.npos ? path : path.substr(slash + 1);
    must({"read-tree", commit + ":" + above_}, not_written);
    world.fs.make_folders(folder());
    must({"--work-tree=" + folder(), "checkout-index", "--all"}, not_written);
    revision_ = revision;
  }

  std::string path() const { return name_.empty() ? folder() : folder() + "/" + name_; }
  /// The name by which the user knows a file that was written out.
  std::string shown(const std::string& file) const {
    if (!file.starts_with(folder() + "/")) return file == folder() ? place_ : file;
    const std::string above = above_.empty() || above_.ends_with('/') ? above_ : above_ + "/";
    return std::string(git_prefix) + revision_ + ":" + above + file.substr(folder().size() + 1);
  }
  /// The same of a message that names it.
  std::string shown_in(std::string text) const {
    for (size_t at; (at = text.find(folder())) != text.npos;) {
      const size_t end = std::min(text.find_first_of("' ", at), text.size());
      text.replace(at, end - at, shown(text.substr(at, end - at)));
    }
    return text;
  }

 private:
  std::string folder() const { return scratch_.path() + "/files"; }

  ScratchFolder scratch_;
  std::string place_, revision_, above_, name_;
};

}  // namespace

Manifests load_from(const std::string& place, Recurse recurse, World& world) {
  if (!place.starts_with(git_prefix)) return load({place}, recurse, world);
  const CheckedOut there(place, world);
  Manifests all;
  try {
    all = load({there.path()}, recurse, world);
  } catch (const Error& e) {
    throw Error(e.exit(), there.shown_in(e.what()), e.hint());
  }
  for (Diagnostic& d : all.found) d.file = there.shown(d.file);
  for (Loaded& one : all.instances) one.instance.source.file = there.shown(one.instance.source.file);
  for (Object& one : all.objects) one.source.file = there.shown(one.source.file);
  return all;
}

}  // namespace orctl
