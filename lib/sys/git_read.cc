#include <fmt/format.h>

#include <algorithm>

#include "sys/git_handle.h"

namespace orctl {
namespace {

Git::Commit to_commit(const git_commit* raw) {
  Git::Commit commit;
  commit.id = hex(*git_commit_id(raw));
  if (git_commit_parentcount(raw) > 0) commit.parent = hex(*git_commit_parent_id(raw, 0));
  commit.author = git_commit_author(raw)->name;
  commit.message = git_commit_message(raw);
  commit.time = git_commit_time(raw);
  return commit;
}

std::optional<git_oid> find_ref(git_repository* repository, const std::string& name, const std::string& path) {
  git_oid id;
  const int code = git_reference_name_to_id(&id, repository, name.c_str());
  if (code == GIT_ENOTFOUND) return std::nullopt;
  git_check(code, fmt::format("read {:?}", name), path);
  return id;
}

struct FilesReader {
  git_repository* repository;
  const std::string& path;
  std::string commit;
  Git::Reach reach;
  Odb odb;
  Tree files;
  size_t bytes = 0, entries = 0;

  Error refused(const std::string& why) const {
    return Error(Exit::refused,
                 fmt::format("commit {} in the version store '{}' is not one of ours: {}", commit, path, why),
                 "look at it with git ls-tree -r; nothing of it was used");
  }

  void read(const git_tree* tree, const std::string& prefix, size_t depth) {
    if (depth >= kept_tree_limits.depth)
      throw refused(fmt::format("its folders are nested more than {} deep", kept_tree_limits.depth - 1));
    for (size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      const std::string name = git_tree_entry_name(entry);
      if (const char* why = name_fault(name)) throw refused(fmt::format("name {:?} below '{}' {}", name, prefix, why));
      if (++entries > kept_tree_limits.entries)
        throw refused(fmt::format("it has more than {} entries", kept_tree_limits.entries));
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_TREE) {
        if (reach == Git::Reach::top) continue;
        TreeHandle inner;
        git_check(git_tree_lookup(Out(inner), repository, git_tree_entry_id(entry)), "read commit " + commit, path);
        read(inner.get(), prefix + name + "/", depth + 1);
      } else if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) {
        add(prefix + name, *git_tree_entry_id(entry), mode == GIT_FILEMODE_BLOB ? 0644 : 0755);
      } else {
        const char* what = mode == GIT_FILEMODE_LINK     ? "a symlink"
                           : mode == GIT_FILEMODE_COMMIT ? "a submodule"
                                                         : "no file";
        throw refused(fmt::format("'{}{}' is {}", prefix, name, what));
      }
    }
  }

  /// Asks for the size first: a small pack can hold an enormous file.
  void add(const std::string& name, const git_oid& id, unsigned mode) {
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    git_check(git_odb_read_header(&size, &type, odb.get(), &id), fmt::format("read '{}' of commit {}", name, commit),
              path);
    if (type != GIT_OBJECT_BLOB) throw refused(fmt::format("'{}' is no file", name));
    bytes += size;
    if (bytes > kept_tree_limits.bytes) throw refused(fmt::format("it has more than {} bytes", kept_tree_limits.bytes));
    Blob blob;
    git_check(git_blob_lookup(Out(blob), repository, &id), fmt::format("read '{}' of commit {}", name, commit), path);
    const auto* content = static_cast<const char*>(git_blob_rawcontent(blob.get()));
    const auto length = static_cast<size_t>(git_blob_rawsize(blob.get()));
    if (!files.emplace(name, TreeFile{length == 0 ? "" : std::string(content, length), mode}).second) {
      throw refused(fmt::format("'{}' is there twice", name));
    }
  }
};

}  // namespace

std::optional<std::string> Git::ref(const std::string& name) const {
  if (!exists()) return std::nullopt;
  const auto id = find_ref(open_store(path_).get(), name, path_);
  return id ? std::optional(hex(*id)) : std::nullopt;
}

namespace {

/// libgit2's list leaves out a ref that it cannot read, and an instance would seem not to be there.
void refuse_broken_refs(git_repository* repository, const std::string& store, const std::string& folder) {
  const Fs fs({});
  for (const Fs::Entry& entry : fs.list(store + "/" + folder)) {
    const std::string name = folder + "/" + entry.name;
    if (entry.kind == Fs::Kind::folder)
      refuse_broken_refs(repository, store, name);
    else if (entry.kind == Fs::Kind::file && !name.ends_with(".lock") &&
             entry.name.find(".orctl-tmp") == std::string::npos)
      find_ref(repository, name, store);
  }
}

}  // namespace

std::vector<std::string> Git::refs(const std::string& prefix) const {
  std::vector<std::string> names;
  if (!exists()) return names;
  const Repository repository = open_store(path_);
  refuse_broken_refs(repository.get(), path_, "refs");
  git_strarray raw = {};
  git_check(git_reference_list(&raw, repository.get()), "list the refs", path_);
  for (size_t i = 0; i < raw.count; ++i) {
    if (std::string_view(raw.strings[i]).starts_with(prefix)) names.emplace_back(raw.strings[i]);
  }
  git_strarray_dispose(&raw);
  std::sort(names.begin(), names.end());
  return names;
}

Git::Commit Git::commit(const std::string& id) const {
  const Repository repository = open_store(path_);
  return to_commit(find_commit(repository.get(), id, path_).get());
}

std::vector<Git::Commit> Git::log(const std::string& ref, size_t limit) const {
  std::vector<Commit> commits;
  if (!exists()) return commits;
  const Repository repository = open_store(path_);
  const auto tip = find_ref(repository.get(), ref, path_);
  for (std::string id = tip ? hex(*tip) : ""; !id.empty() && (limit == 0 || commits.size() < limit);) {
    commits.push_back(to_commit(find_commit(repository.get(), id, path_).get()));
    id = commits.back().parent;
  }
  return commits;
}

Tree Git::files(const std::string& commit_id, Reach reach) const {
  const Repository repository = open_store(path_);
  const CommitHandle commit = find_commit(repository.get(), commit_id, path_);
  FilesReader reader{repository.get(), path_, hex(*git_commit_id(commit.get())), reach, nullptr, {}};
  git_check(git_repository_odb(Out(reader.odb), repository.get()), "open the objects", path_);
  TreeHandle tree;
  git_check(git_commit_tree(Out(tree), commit.get()), "read commit " + reader.commit, path_);
  reader.read(tree.get(), "", 0);
  check_paths(reader.files, fmt::format("commit {} in the version store '{}'", reader.commit, path_));
  return std::move(reader.files);
}

std::optional<std::string> Git::note(const std::string& commit_id) const {
  if (!exists()) return std::nullopt;
  const Repository repository = open_store(path_);
  const CommitHandle commit = find_commit(repository.get(), commit_id, path_);
  Note note;
  const int code = git_note_read(Out(note), repository.get(), notes_ref, git_commit_id(commit.get()));
  if (code == GIT_ENOTFOUND) return std::nullopt;
  git_check(code, "read the note of commit " + commit_id, path_);
  return git_note_message(note.get());
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
