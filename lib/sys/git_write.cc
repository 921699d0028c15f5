#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sys/git_handle.h"

namespace orctl {
namespace {

/// git keeps "name <email>" on one line of the commit.
std::string cleaned(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '<' || c == '>') c = '_';
  }
  return text.empty() ? "unknown" : text;
}

Signature signature(const std::string& name, const std::string& email, const std::string& path) {
  Signature made;
  git_check(git_signature_new(Out(made), cleaned(name).c_str(), cleaned(email).c_str(), Clock().now(), 0),
            fmt::format("name {:?} as author", name), path);
  return made;
}

Signature author_signature(const std::string& author, const std::string& path) {
  return signature(author, author.find('@') == std::string::npos ? author + "@" + Env().host() : author, path);
}

Signature own_signature(const std::string& path) { return signature("orctl", "orctl@" + Env().host(), path); }

/// The objects of one change, for making their names durable: libgit2 syncs the files and their folder, but not
/// `objects/` when that folder is new, and nothing that a killed process left there before.
class Objects {
 public:
  explicit Objects(const std::string& path) : top_(path + "/objects") {}
  void add(const git_oid& id) { folders_.insert(hex(id).substr(0, 2)); }

  void add_tree(git_repository* repository, const git_tree* tree) {
    add(*git_tree_id(tree));
    for (size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      add(*git_tree_entry_id(entry));
      TreeHandle inner;
      if (git_tree_entry_type(entry) == GIT_OBJECT_TREE &&
          git_tree_lookup(Out(inner), repository, git_tree_entry_id(entry)) == 0) {
        add_tree(repository, inner.get());
      }
    }
  }

  void sync() const {
    const Fs fs({});
    for (const std::string& folder : folders_) {
      // Packed objects have no folder.
      if (fs.exists(top_ + "/" + folder)) sync_folder(top_ + "/" + folder);
    }
    sync_folder(top_);
  }

 private:
  std::string top_;
  std::set<std::string> folders_;
};

/// Makes a ref's file and its folders durable; those that a removal emptied may be gone.
void sync_ref(const std::string& path, const std::string& name) {
  const Fs fs({});
  for (size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0; slash = name.rfind('/', slash - 1)) {
    const std::string folder = path + "/" + name.substr(0, slash);
    if (fs.exists(folder)) sync_folder(folder);
  }
  sync_folder(path);
}

Error moved(const std::string& branch, const std::string& expected, const std::string& found) {
  const auto shown = [](const std::string& id) { return id.empty() ? "nothing" : id.substr(0, 12); };
  return Error(Exit::conflict,
               fmt::format("'{}' moved in the version store: it was expected at {} and is at {}", branch,
                           shown(expected), shown(found)),
               "someone else applied meanwhile: look at the new plan and run the same command again");
}

git_oid write_files(git_repository* repository, const Tree& files, const std::string& path) {
  Index index;
  git_check(git_index_new(Out(index)), "begin a commit", path);
  for (const auto& [name, file] : files) {
    git_index_entry entry = {};
    entry.path = name.c_str();
    entry.mode = (file.mode & 0111) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
    git_check(git_blob_create_from_buffer(&entry.id, repository, file.content.data(), file.content.size()),
              fmt::format("write '{}'", name), path);
    git_check(git_index_add(index.get(), &entry), fmt::format("add '{}'", name), path);
  }
  git_oid tree;
  git_check(git_index_write_tree_to(&tree, index.get(), repository), "write the tree", path);
  return tree;
}

}  // namespace

std::string Git::commit_files(const std::string& branch, const std::string& expected_parent, const Tree& files,
                              const std::string& author, const std::string& message) {
  say(trace_, fmt::format("git commit {} ({} files)", branch, files.size()));
  check_paths(files, fmt::format("cannot commit to '{}'", branch));
  if (message.find('\0') != std::string::npos)
    throw Error(Exit::refused, "a commit message cannot have a NUL byte in it");
  const Repository repository = open_store(path_);
  const std::string tip = ref(branch).value_or("");
  if (tip != expected_parent) throw moved(branch, expected_parent, tip);

  const git_oid tree_id = write_files(repository.get(), files, path_);
  TreeHandle tree;
  git_check(git_tree_lookup(Out(tree), repository.get(), &tree_id), "read the new tree", path_);
  CommitHandle parent;
  if (!tip.empty()) parent = find_commit(repository.get(), tip, path_);
  const git_commit* parents[] = {parent.get()};
  const Signature who = author_signature(author, path_), committer = own_signature(path_);
  git_oid id;
  git_check(git_commit_create(&id, repository.get(), nullptr, who.get(), committer.get(), nullptr, message.c_str(),
                              tree.get(), parent == nullptr ? 0 : 1, parents),
            "write the commit", path_);
  Objects objects(path_);
  objects.add(id);
  objects.add_tree(repository.get(), tree.get());
  objects.sync();

  // The ref comes last and only from where we saw it: readers see the old version or the whole new one.
  Reference made;
  const int code = parent == nullptr
                       ? git_reference_create(Out(made), repository.get(), branch.c_str(), &id, 0, nullptr)
                       : git_reference_create_matching(Out(made), repository.get(), branch.c_str(), &id, 1,
                                                       git_commit_id(parent.get()), nullptr);
  if (code == GIT_EMODIFIED || code == GIT_EEXISTS) throw moved(branch, expected_parent, ref(branch).value_or(""));
  git_check(code, fmt::format("move '{}'", branch), path_);
  sync_ref(path_, branch);
  return hex(id);
}

void Git::set_ref(const std::string& name, const std::string& id) {
  say(trace_, fmt::format("git ref {} {}", name, id));
  const Repository repository = open_store(path_);
  const CommitHandle commit = find_commit(repository.get(), id, path_);
  Reference made;
  git_check(git_reference_create(Out(made), repository.get(), name.c_str(), git_commit_id(commit.get()), 1, nullptr),
            fmt::format("set {:?}", name), path_);
  sync_ref(path_, name);
}

void Git::remove_ref(const std::string& name) {
  if (!ref(name)) return;
  say(trace_, fmt::format("git ref -d {}", name));
  const Repository repository = open_store(path_);
  git_check(git_reference_remove(repository.get(), name.c_str()), fmt::format("remove {:?}", name), path_);
  sync_ref(path_, name);
}

void Git::set_note(const std::string& commit_id, const std::string& text) {
  say(trace_, fmt::format("git note {} ({} bytes)", commit_id, text.size()));
  const Repository repository = open_store(path_);
  const CommitHandle commit = find_commit(repository.get(), commit_id, path_);
  const Signature committer = own_signature(path_);
  const auto tip = ref(notes_ref);
  const CommitHandle parent = tip ? find_commit(repository.get(), *tip, path_) : nullptr;
  // Not git_note_create: it moves the ref before its objects are durable.
  git_oid note, id;
  git_check(git_note_commit_create(&id, &note, repository.get(), parent.get(), committer.get(), committer.get(),
                                   git_commit_id(commit.get()), text.c_str(), 1),
            "write the note of commit " + commit_id, path_);
  CommitHandle made;
  git_check(git_commit_lookup(Out(made), repository.get(), &id), "read the new note", path_);
  Objects objects(path_);
  for (const git_oid& object : {note, id, *git_commit_tree_id(made.get())}) objects.add(object);
  objects.sync();
  Reference moved_ref;
  git_check(git_reference_create(Out(moved_ref), repository.get(), notes_ref, &id, 1, nullptr), "move the notes",
            path_);
  sync_ref(path_, notes_ref);
}

}  // namespace orctl
