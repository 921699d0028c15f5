#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sys/fault.h"

/// The objects of a git store, read and written by ourselves: libgit2 1.5 spins for ever on a loose object that was cut
/// short, and waits for ever where a FIFO lies in a file's place. Here every file is a regular one, has a limit, and
/// what is read is what its id says, or an Error tells which object is damaged and why.
namespace orctl {

enum class ObjectType { commit = 1, tree = 2, blob = 3, tag = 4 };  ///< the numbers are those of pack files
const char* to_string(ObjectType type);
std::optional<ObjectType> object_type(const std::string& word);

struct GitObject {
  ObjectType type = ObjectType::blob;
  std::string content;
};

/// The id that git gives such an object, 40 hexadecimal digits.
std::string object_id(ObjectType type, std::string_view content);
/// Whether `text` is a whole id.
bool is_object_id(std::string_view text);

/// Why a file of the store, or what is in it, cannot be used.
struct Damage {
  std::string why, file;
};

class PackFile;

/// Looks objects up in loose files, then in packs, then where `objects/info/alternates` leads.
class ObjectReader {
 public:
  explicit ObjectReader(const std::string& store);
  ~ObjectReader();
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// nullopt when it is nowhere; throws Damage when it is there in no readable form, or larger than `max`.
  std::optional<GitObject> find(const std::string& id, size_t max = kept_tree_limits.bytes) const;
  /// Ids that begin with `prefix`, at most two.
  std::vector<std::string> matching(const std::string& prefix) const;
  /// Calls `each` with every id and the loose file or pack that holds it; damaged packs are told to `damaged`.
  void each(const std::function<void(const std::string& id, const std::string& file)>& each,
            const std::function<void(const Damage&)>& damaged) const;
  /// Tells of each index of a pack of the store itself that is damaged or missing.
  void check_indexes(const std::function<void(const Damage&)>& damaged) const;
  /// The loose object in exactly this file; throws Damage.
  static GitObject loose(const std::string& file, const std::string& id, size_t max = kept_tree_limits.bytes);
  /// Where the store itself keeps the object as a loose file.
  static std::string loose_file(const std::string& store, const std::string& id);

 private:
  friend class PackFile;
  void look_for_packs() const;
  std::optional<GitObject> find_at(const std::string& id, size_t max, int depth) const;

  std::vector<std::string> folders_;  ///< "…/objects"
  mutable bool packs_known_ = false;
  mutable std::vector<std::unique_ptr<PackFile>> packs_;
  mutable std::vector<Damage> broken_packs_;
};

/// A whole regular file, at most `max` bytes; nullopt when nothing is there; throws Damage on anything else.
std::optional<std::string> read_store_file(const std::string& path, size_t max);

/// One entry of a tree object.
struct TreeEntry {
  std::string mode, name, id;
  bool is_tree() const { return mode == "40000" || mode == "040000"; }
};
/// Throws Damage.
std::vector<TreeEntry> parse_tree(const std::string& content);
std::string tree_text(std::vector<TreeEntry> entries);  ///< in git's order

/// What a commit object says.
struct CommitText {
  std::string tree;
  std::vector<std::string> parents;
  std::string author, committer;  ///< "name <email> seconds zone"
  std::string message;
  std::string author_name() const;
  int64_t time() const;  ///< of the committer
};
/// Throws Damage.
CommitText parse_commit(const std::string& content);
std::string commit_text(const CommitText& commit);

}  // namespace orctl
