// Of Git (git.h): commits, trees and notes, read.
#include <fmt/format.h>

#include <algorithm>

#include "base/rights.h"
#include "sys/git.h"
#include "sys/git2_handle.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

/// Of a commit, the folder in which a tree lies comes on top of the tree's own.
constexpr size_t max_depth = kept_tree_limits.depth + 1;
constexpr size_t max_commit = size_t{1} << 20;

struct FilesReader {
  const ObjectReader& objects;
  const std::string& path;
  std::string commit;
  Git::Reach reach;
  Tree files{};
  size_t bytes = 0, entries = 0;

  Error refused(const std::string& why) const {
    return Error(Exit::refused,
                 fmt::format("commit {} in the version store '{}' is not one of ours: {}", commit, path, why),
                 "look at it with git ls-tree -r; nothing of it was used");
  }

  void read(const std::string& tree, const std::string& prefix, size_t depth) {
    if (depth > max_depth) throw refused(fmt::format("its folders are nested more than {} deep", max_depth));
    const std::string doing = fmt::format("read the folder '{}' of commit {}", prefix, commit);
    std::vector<TreeEntry> list;
    try {
      list = parse_tree(need_object(objects, tree, ObjectType::tree, doing, path));
    } catch (const Damage& damage) {
      throw store_fault(doing, path, damage);
    }
    for (const TreeEntry& entry : list) {
      if (const char* why = name_fault(entry.name))
        throw refused(fmt::format("name {:?} below '{}' {}", entry.name, prefix, why));
      if (++entries > kept_tree_limits.entries)
        throw refused(fmt::format("it has more than {} entries", kept_tree_limits.entries));
      if (entry.is_tree()) {
        if (reach == Git::Reach::whole) read(entry.id, prefix + entry.name + "/", depth + 1);
      } else if (entry.mode.size() == 6 && entry.mode.starts_with("100")) {
        add(prefix + entry.name, entry.id, (entry.mode[3] - '0') % 2 == 0 ? rights::public_file : rights::program);
      } else {
        const char* what = entry.mode == "120000" ? "a symlink" : entry.mode == "160000" ? "a submodule" : "no file";
        throw refused(fmt::format("'{}{}' is {}", prefix, entry.name, what));
      }
    }
  }

  void add(const std::string& name, const std::string& id, unsigned mode) {
    std::string content =
        need_object(objects, id, ObjectType::blob, fmt::format("read '{}' of commit {}", name, commit), path);
    bytes += content.size();
    if (bytes > kept_tree_limits.bytes) throw refused(fmt::format("it has more than {} bytes", kept_tree_limits.bytes));
    if (!files.emplace(name, TreeFile{std::move(content), mode}).second)
      throw refused(fmt::format("'{}' is there twice", name));
  }
};

/// The text of the note of `commit` below one tree of notes, which may be split by the first digits of ids.
std::optional<std::string> note_below(const ObjectReader& objects, const std::string& tree, const std::string& rest,
                                      const std::string& doing, const std::string& path) {
  std::vector<TreeEntry> list;
  try {
    list = parse_tree(need_object(objects, tree, ObjectType::tree, doing, path));
  } catch (const Damage& damage) {
    throw store_fault(doing, path, damage);
  }
  for (const TreeEntry& entry : list) {
    if (!entry.is_tree() && entry.name == rest) return need_object(objects, entry.id, ObjectType::blob, doing, path);
    if (entry.is_tree() && entry.name.size() == 2 && rest.size() > 2 && rest.starts_with(entry.name))
      return note_below(objects, entry.id, rest.substr(2), doing, path);
  }
  return std::nullopt;
}

}  // namespace

Error store_fault(const std::string& doing, const std::string& path, const Damage& damage) {
  std::string hint = verify_hint;
  for (const int error : {EACCES, EPERM, EIO, EMFILE, ENFILE})
    if (damage.why.ends_with(errno_text(error))) hint = errno_hint(error);
  const std::string where = damage.file.empty() ? "" : fmt::format("'{}': ", damage.file);
  return Error(Exit::target, fmt::format("cannot {} in the version store '{}': {}{}", doing, path, where, damage.why),
               hint);
}

std::string need_object(const ObjectReader& objects, const std::string& id, ObjectType type, const std::string& doing,
                        const std::string& path) {
  const auto broken = [&](const std::string& why, const std::string& file) {
    const bool named = doing.ends_with(id);
    return store_fault(named ? doing : fmt::format("{} ({} {})", doing, to_string(type), id), path, {why, file});
  };
  std::optional<GitObject> found;
  try {
    found = objects.find(id);
  } catch (const Damage& damage) {
    throw broken(damage.why, damage.file);
  }
  if (!found) throw broken("it is missing", "");
  if (found->type != type) throw broken(fmt::format("it is a {}", to_string(found->type)), "");
  return std::move(found->content);
}

CommitText find_commit(const ObjectReader& objects, std::string& id, const std::string& path) {
  if (id.find_first_not_of("0123456789abcdef") != std::string::npos || id.size() < 4 || id.size() > 40)
    throw Error(Exit::refused, fmt::format("{:?} is no commit id", id), "4 to 40 hexadecimal digits are one");
  const auto absent = [&](const char* what) {
    return Error(Exit::refused, fmt::format("there is {} '{}' in the version store '{}'", what, id, path),
                 "see: orctl history INST");
  };
  if (id.size() < 40) {
    const auto found = objects.matching(id);
    if (found.size() != 1) throw absent(found.empty() ? "no commit" : "more than one commit");
    id = found.front();
  }
  try {
    const auto found = objects.find(id, max_commit);
    if (!found || found->type != ObjectType::commit) throw absent("no commit");
    return parse_commit(found->content);
  } catch (const Damage& damage) {
    throw store_fault("read commit " + id, path, damage);
  }
}

CommitText read_commit(const ObjectReader& objects, const std::string& id, const std::string& path) {
  const std::string doing = "read commit " + id;
  try {
    return parse_commit(need_object(objects, id, ObjectType::commit, doing, path));
  } catch (const Damage& damage) {
    throw store_fault(doing, path, damage);
  }
}

Git::Commit to_commit(const std::string& id, const CommitText& text) {
  return {id, text.parents.empty() ? "" : text.parents.front(), text.author_name(), text.message, text.time()};
}

Git::Commit Git::commit(const std::string& id) const {
  need_store(path_);
  std::string whole = id;
  const CommitText text = find_commit(ObjectReader(path_), whole, path_);
  return to_commit(whole, text);
}

std::vector<Git::Commit> Git::log(const std::string& ref_name, size_t limit) const {
  std::vector<Commit> commits;
  if (!exists()) return commits;
  const ObjectReader objects(path_);
  for (std::string id = ref(ref_name).value_or(""); !id.empty() && (limit == 0 || commits.size() < limit);) {
    stop_if_interrupted();
    commits.push_back(to_commit(id, read_commit(objects, id, path_)));
    id = commits.back().parent;
  }
  return commits;
}

Tree Git::files(const std::string& commit_id, Reach reach) const {
  need_store(path_);
  const ObjectReader objects(path_);
  std::string whole = commit_id;
  const CommitText commit = find_commit(objects, whole, path_);
  FilesReader reader{objects, path_, whole, reach};
  reader.read(commit.tree, "", 0);
  check_paths(reader.files, fmt::format("commit {} in the version store '{}'", reader.commit, path_));
  return std::move(reader.files);
}

std::optional<std::string> Git::note(const std::string& commit_id) const {
  if (!exists()) return std::nullopt;
  const ObjectReader objects(path_);
  std::string whole = commit_id;
  if (whole.size() < 40) find_commit(objects, whole, path_);
  const auto tip = ref(notes_ref);
  if (!tip) return std::nullopt;
  const CommitText notes = read_commit(objects, *tip, path_);
  return note_below(objects, notes.tree, whole, "read the note of commit " + whole, path_);
}

std::string Git::text_diff(const std::string& path, const std::string* before, const std::string* after) {
  start_git();
  // libgit2 adds a/ and b/, and takes a null buffer, not an empty one, for an absent file.
  const auto text = [](const std::string* side) { return side == nullptr ? nullptr : side->data(); };
  const auto size = [](const std::string* side) { return side == nullptr ? 0 : side->size(); };
  Patch patch;
  git_buf diff = GIT_BUF_INIT;
  git_check(git_patch_from_buffers(Out(patch), text(before), size(before), path.c_str(), text(after), size(after),
                                   path.c_str(), nullptr),
            fmt::format("compare two versions of '{}'", path), "memory");
  if (patch == nullptr || git_patch_to_buf(&diff, patch.get()) < 0) return "";
  std::string result(diff.ptr, diff.size);
  git_buf_dispose(&diff);
  return result;
}

}  // namespace orctl
