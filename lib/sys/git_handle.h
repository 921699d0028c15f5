#pragma once
#include <set>
#include <string>

#include "sys/fs.h"
#include "sys/git.h"
#include "sys/git_object.h"

/// What git_*.cc have in common.
namespace orctl {

constexpr const char* notes_ref = "refs/notes/orctl";
/// How the name of an object begins that is not yet whole; git takes it for a scratch file of its own.
constexpr const char* scratch_object = "tmp_obj_orctl.";
constexpr size_t max_packed_refs = size_t{64} << 20;
constexpr const char* verify_hint = "orctl store verify names all that is damaged, and how to mend it";

enum class StoreState {
  absent,      ///< nothing there, or an empty folder
  unfinished,  ///< a kill or a power cut left it without a whole HEAD or config; it holds no refs
  misplaced,   ///< a file, a FIFO, a symlink that leads nowhere: nothing can be read from it
  ready,
};
/// Looks at the files only. Errors when it belongs to another user, or is another folder than a store.
StoreState store_state(const std::string& path);
/// Exit::refused when there is none.
void need_store(const std::string& path);

/// Something below objects/ or refs/ that is of another kind than what git has there, and that stands in its way.
struct Misplaced {
  enum class Told { here, elsewhere };  ///< elsewhere: who checks objects and refs names it with whom it hits
  std::string file, why;
  Told told = Told::here;
};
std::vector<Misplaced> misplaced(const std::string& store);

/// The object as an Error: "cannot <doing> in the version store '<path>': …" (Exit::target).
Error store_fault(const std::string& doing, const std::string& path, const Damage& damage);

/// A line of packed-refs.
struct PackedRef {
  std::string name, id;
  bool sound = true;  ///< else `name` is what could be made out, perhaps nothing, and `id` is ""
  size_t line = 0;
};
/// Throws Damage when the file cannot be read at all.
std::vector<PackedRef> packed_refs(const std::string& store);
/// Whether a ref may have this name.
bool is_ref_name(const std::string& name);
/// Exit::conflict: somebody else moved it.
Error moved_ref(const std::string& branch, const std::string& expected, const std::string& found);
/// Reads one ref by its file or its packed line, and follows it when it is symbolic; nullopt when it is not there.
/// Throws Damage.
std::optional<std::string> read_ref(const std::string& store, const std::string& name);
/// Calls `each` with all below `folder` ("refs/heads") that is no folder and no scratch file.
void each_ref_file(const std::string& store, const std::string& folder,
                   const std::function<void(const std::string& name)>& each, size_t depth = 0);

/// The commit with this id, which may be shortened to 4 digits or more. `id` is made whole.
CommitText find_commit(const ObjectReader& objects, std::string& id, const std::string& path);
/// The same for an id that a ref or another commit names: when it is missing the store is damaged.
CommitText read_commit(const ObjectReader& objects, const std::string& id, const std::string& path);
/// An object that must be there, of this type; `doing` as for store_fault.
std::string need_object(const ObjectReader& objects, const std::string& id, ObjectType type, const std::string& doing,
                        const std::string& path);
Git::Commit to_commit(const std::string& id, const CommitText& text);

/// Writes objects, durable once sync() has returned.
class ObjectWriter {
 public:
  /// `only`: put() writes no object but those of these ids.
  ObjectWriter(Fs& fs, const std::string& store, const std::set<std::string>* only = nullptr)
      : fs_(fs), store_(store), objects_(store), only_(only) {}

  /// Writes it unless the store has it whole. Returns its id.
  std::string put(ObjectType type, const std::string& content);
  /// The same, also when a pack has it.
  std::string put_loose(ObjectType type, const std::string& content);
  /// All files and folders of a tree. Returns the tree's id.
  std::string put_tree(const Tree& files);
  /// What a commit that a ref leads to was made of is durable: sync() leaves its names out.
  void take_for_durable(const CommitText& commit);
  void sync();
  const ObjectReader& objects() const { return objects_; }

 private:
  void take_tree_for_durable(const std::string& id, int depth);

  Fs& fs_;
  const std::string& store_;
  ObjectReader objects_;
  const std::set<std::string>* only_;
  std::set<std::string> durable_;     ///< ids
  std::vector<std::string> folders_;  ///< to make durable, also what a killed process left there before
};

}  // namespace orctl
