// Of Git (git.h): objects, refs and notes, written.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "base/rights.h"
#include "base/text.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/fs.h"
#include "sys/git.h"
#include "sys/git_handle.h"
#include "sys/git_pack.h"

namespace orctl {
namespace {

/// git keeps "name <email>" on one line of the commit.
std::string cleaned(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '<' || c == '>') c = '_';
  }
  text = trim(text);
  return text.empty() ? "unknown" : text;
}

std::string signature(const std::string& name, const std::string& email) {
  return fmt::format("{} <{}> {} +0000", cleaned(name), cleaned(email), Clock().now());
}

std::string author_signature(const std::string& author) {
  return signature(author, author.find('@') == std::string::npos ? author + "@" + Env().host() : author);
}

std::string own_signature() { return signature("orctl", "orctl@" + Env().host()); }

/// Files and folders of one folder of a tree.
struct Folder {
  std::map<std::string, Folder> folders;
  std::map<std::string, const TreeFile*> files;

  void add(const std::string& path, const TreeFile& file) {
    const size_t slash = path.find('/');
    if (slash == std::string::npos)
      files[path] = &file;
    else
      folders[path.substr(0, slash)].add(path.substr(slash + 1), file);
  }

  std::string write(ObjectWriter& objects) const {
    std::vector<TreeEntry> entries;
    for (const auto& [name, folder] : folders) entries.push_back({"40000", name, folder.write(objects)});
    for (const auto& [name, file] : files)
      entries.push_back(
          {(file->mode & 0111) != 0 ? "100755" : "100644", name, objects.put(ObjectType::blob, file->content)});
    return objects.put(ObjectType::tree, tree_text(std::move(entries)));
  }
};

/// The tree of notes with `blob` as the note of the commit whose id ends with `rest`. Big trees of notes are split by
/// the first digits; a split that is there is followed.
std::string with_note(ObjectWriter& objects, const std::string& tree, const std::string& rest, const std::string& blob,
                      const std::string& path) {
  std::vector<TreeEntry> entries;
  if (!tree.empty()) {
    const std::string doing = "read the notes";
    try {
      entries = parse_tree(need_object(objects.objects(), tree, ObjectType::tree, doing, path));
    } catch (const Damage& damage) {
      throw store_fault(doing, path, damage);
    }
  }
  const auto same = [&](const TreeEntry& e) { return !e.is_tree() && e.name == rest; };
  const auto split_here = [&](const TreeEntry& e) {
    return e.is_tree() && e.name.size() == 2 && rest.size() > 2 && rest.starts_with(e.name);
  };
  if (const auto found = std::find_if(entries.begin(), entries.end(), same); found != entries.end())
    found->id = blob;
  else if (const auto below = std::find_if(entries.begin(), entries.end(), split_here); below != entries.end())
    below->id = with_note(objects, below->id, rest.substr(2), blob, path);
  else
    entries.push_back({"100644", rest, blob});
  return objects.put(ObjectType::tree, tree_text(std::move(entries)));
}

}  // namespace

std::string ObjectWriter::put(ObjectType type, const std::string& content) {
  const std::string id = object_id(type, content);
  if (only_ != nullptr && !only_->contains(id)) return id;
  const std::string file = ObjectReader::loose_file(store_, id), folder = file.substr(0, file.rfind('/'));
  try {
    // what a killed process left may have no durable name yet
    if (objects_.find(id)) {
      if (!durable_.contains(id) && fs_.exists(file)) folders_.push_back(folder);
      return id;
    }
  } catch (const Damage&) {
    // it gets a whole one in its place
  }
  return put_loose(type, content);
}

std::string ObjectWriter::put_loose(ObjectType type, const std::string& content) {
  const std::string id = object_id(type, content);
  const std::string file = ObjectReader::loose_file(store_, id), folder = file.substr(0, file.rfind('/'));
  if (!fs_.exists(folder)) fs_.make_folders(folder);
  static std::atomic<unsigned> next = 0;
  std::string header = fmt::format("{} {}", to_string(type), content.size());
  header += '\0';
  fs_.put(file, fmt::format("{}/objects/{}{}.{}", store_, scratch_object, ::getpid(), next++),
          deflated(header + content), rights::unchanging_file);
  folders_.push_back(folder);
  return id;
}

std::string ObjectWriter::put_tree(const Tree& files) {
  Folder top;
  for (const auto& [path, file] : files) top.add(path, file);
  return top.write(*this);
}

void ObjectWriter::take_for_durable(const CommitText& commit) { take_tree_for_durable(commit.tree, 0); }

void ObjectWriter::take_tree_for_durable(const std::string& id, int depth) {
  constexpr int deepest = 64;  // no tree of ours is deeper
  if (depth > deepest || !durable_.insert(id).second) return;
  try {
    const auto tree = objects_.find(id);
    if (!tree || tree->type != ObjectType::tree) return;
    for (const TreeEntry& entry : parse_tree(tree->content))
      entry.is_tree() ? take_tree_for_durable(entry.id, depth + 1) : static_cast<void>(durable_.insert(entry.id));
  } catch (const Damage&) {
    // what is not known is synced again
  }
}

void ObjectWriter::sync() {
  std::sort(folders_.begin(), folders_.end());
  folders_.erase(std::unique(folders_.begin(), folders_.end()), folders_.end());
  for (const std::string& folder : folders_) fs_.sync(folder);
  fs_.sync(store_ + "/objects");
}

/// A store that is a symlink to another place is none of our root's.
Fs Git::writer() const {
  const auto found = Fs({}).stat(path_);
  return Fs({}, found && found->kind == Fs::Kind::symlink ? "" : root_);
}

std::string Git::commit_files(const std::string& branch, const std::string& expected_parent, const Tree& files,
                              const std::string& author, const std::string& message) {
  say(trace_, fmt::format("git commit {} ({} files)", branch, files.size()));
  check_paths(files, fmt::format("cannot commit to '{}'", branch));
  if (message.find('\0') != std::string::npos)
    throw Error(Exit::refused, "a commit message cannot have a NUL byte in it");
  need_store(path_);
  if (const std::string tip = ref(branch).value_or(""); tip != expected_parent)
    throw moved_ref(branch, expected_parent, tip);
  Fs fs = writer();
  ObjectWriter objects(fs, path_);
  CommitText commit;
  if (!expected_parent.empty()) {
    objects.take_for_durable(read_commit(objects.objects(), expected_parent, path_));
    commit.parents.push_back(expected_parent);
  }
  commit.tree = objects.put_tree(files);
  commit.author = author_signature(author);
  commit.committer = own_signature();
  commit.message = message;
  const std::string id = objects.put(ObjectType::commit, commit_text(commit));
  objects.sync();
  // The ref comes last and only from where we saw it: readers see the old version or the whole new one.
  move_ref(branch, id, expected_parent);
  return id;
}

void Git::set_note(const std::string& commit_id, const std::string& text) {
  say(trace_, fmt::format("git note {} ({} bytes)", commit_id, text.size()));
  need_store(path_);
  Fs fs = writer();
  ObjectWriter objects(fs, path_);
  std::string whole = commit_id;
  find_commit(objects.objects(), whole, path_);
  CommitText commit;
  std::string tree;
  const std::string tip = ref(notes_ref).value_or("");
  if (!tip.empty()) {
    tree = read_commit(objects.objects(), tip, path_).tree;
    commit.parents.push_back(tip);
  }
  commit.tree = with_note(objects, tree, whole, objects.put(ObjectType::blob, text), path_);
  commit.author = commit.committer = own_signature();
  commit.message = "Notes added by orctl\n";
  const std::string id = objects.put(ObjectType::commit, commit_text(commit));
  objects.sync();
  move_ref(notes_ref, id, tip);
}

}  // namespace orctl
