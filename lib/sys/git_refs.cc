// Of Git (git.h): refs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/rights.h"
#include "base/text.h"
#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/git.h"
#include "sys/git_handle.h"

/// Refs: one file each, or a line of packed-refs. They are written under git's own locks (NAME.lock), so that a
/// `git pack-refs` or a `git gc` at the same time loses nothing.
namespace orctl {
namespace {

constexpr size_t max_ref_file = 4096;
constexpr int longest_symbolic = 5;  // as git's own

std::string packed_path(const std::string& store) { return store + "/packed-refs"; }

/// What a damaged line was about, for finding whose it is: the last word that looks like a ref, "" when there is none.
std::string name_in(const std::string& line) {
  const size_t at = line.find("refs/");
  const std::string name = at == std::string::npos ? "" : line.substr(at, line.find_first_of(" \t\r", at) - at);
  return is_ref_name(name) ? name : "";
}

std::optional<std::string> read_packed(const std::string& store, const std::string& name) {
  bool hidden = false;
  for (const PackedRef& ref : packed_refs(store)) {
    if (ref.sound && ref.name == name) return ref.id;
    if (!ref.sound && (ref.name.empty() || ref.name == name)) hidden = true;
  }
  if (hidden) throw Damage{"a line that is no ref may have been it", packed_path(store)};
  return std::nullopt;
}

/// Makes a ref's file and its folders durable; those that a removal emptied may be gone.
void sync_ref(Fs& fs, const std::string& path, const std::string& name) {
  for (size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0; slash = name.rfind('/', slash - 1)) {
    const std::string folder = path + "/" + name.substr(0, slash);
    if (fs.exists(folder)) fs.sync(folder);
  }
  fs.sync(path);
}

/// git's lock of one file: the new content, made where nobody else has one, which then takes the file's place.
class RefLock {
 public:
  RefLock(Fs& fs, const std::string& file, const std::string& content) : fs_(fs), file_(file), lock_(file + ".lock") {
    if (fs_.exists(lock_))
      throw Error(Exit::conflict, fmt::format("'{}' is locked by another program (a git gc?)", file_),
                  fmt::format("run the same command again; if no git runs there: rm {}", lock_));
    fs_.create(lock_, content, rights::public_file);
  }
  RefLock(const RefLock&) = delete;
  RefLock& operator=(const RefLock&) = delete;
  ~RefLock() {
    if (done_) return;
    try {
      fs_.remove(lock_);
    } catch (const Error&) {
      // the next lock of the store removes it
    }
  }
  void take_place() {
    fs_.rename(lock_, file_);
    done_ = true;
  }

 private:
  Fs& fs_;
  std::string file_, lock_;
  bool done_ = false;
};

std::string packed_text(const std::vector<PackedRef>& refs) {
  std::string text = "# pack-refs with: sorted \n";
  std::map<std::string, std::string> sorted;
  for (const PackedRef& ref : refs)
    if (ref.sound) sorted[ref.name] = ref.id;
  for (const auto& [name, id] : sorted) text += id + " " + name + "\n";
  return text;
}

}  // namespace

Error moved_ref(const std::string& branch, const std::string& expected, const std::string& found) {
  const auto shown = [](const std::string& id) { return id.empty() ? "nothing" : id.substr(0, 12); };
  return Error(Exit::conflict,
               fmt::format("'{}' moved in the version store: it was expected at {} and is at {}", branch,
                           shown(expected), shown(found)),
               "someone else applied meanwhile: look at the new plan and run the same command again");
}

bool is_ref_name(const std::string& name) {
  if (!name.starts_with("refs/") || name.ends_with('/') || name.ends_with('.')) return false;
  for (const std::string& part : split(name, '/'))
    if (part.empty() || part.front() == '.' || part.ends_with(".lock") || part.size() > 255) return false;
  if (name.find("..") != std::string::npos || name.find("@{") != std::string::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f &&
           std::string_view("~^:?*[\\").find(c) == std::string::npos;
  });
}

std::vector<PackedRef> packed_refs(const std::string& store) {
  std::vector<PackedRef> refs;
  const auto text = read_store_file(packed_path(store), max_packed_refs);
  if (!text) return refs;
  size_t number = 0;
  for (const std::string& line : split(*text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const bool peeled = line.front() == '^' && is_object_id(line.substr(1));
    if (peeled) continue;
    const bool sound =
        line.size() > 41 && line[40] == ' ' && is_object_id(line.substr(0, 40)) && is_ref_name(line.substr(41));
    if (sound)
      refs.push_back({line.substr(41), line.substr(0, 40), true, number});
    else
      refs.push_back({name_in(line), "", false, number});
  }
  // a file that was cut in the middle of a name has lost that name, and perhaps more
  if (!text->empty() && text->back() != '\n' && !refs.empty()) refs.back() = {"", "", false, number};
  return refs;
}

std::optional<std::string> read_ref(const std::string& store, const std::string& name) {
  std::string at = name;
  for (int step = 0; step <= longest_symbolic; ++step) {
    if (!is_ref_name(at)) throw Damage{fmt::format("{:?} is no name of a ref", at), store + "/" + name};
    const std::string file = store + "/" + at;
    struct stat raw = {};
    const bool folder = ::stat(file.c_str(), &raw) == 0 && S_ISDIR(raw.st_mode);
    const auto content = folder ? std::nullopt : read_store_file(file, max_ref_file);
    if (!content) {
      // a symlink to nothing is no ref that is not there
      if (::lstat(file.c_str(), &raw) == 0 && S_ISLNK(raw.st_mode)) throw Damage{"it is a symlink to nothing", file};
      return read_packed(store, at);
    }
    const std::string text(trim(*content));
    if (is_object_id(text)) return text;
    if (!text.starts_with("ref:")) throw Damage{text.empty() ? "it is empty" : "it holds no id of an object", file};
    at = trim(text.substr(4));
  }
  throw Damage{"it leads from one name to the next without end", store + "/" + name};
}

void each_ref_file(const std::string& store, const std::string& folder,
                   const std::function<void(const std::string&)>& each, size_t depth) {
  if (depth > kept_tree_limits.depth) return;
  if (const auto there = Fs({}).follow(store + "/" + folder); !there || there->kind != Fs::Kind::folder) return;
  for (const Fs::Entry& entry : Fs({}).list(store + "/" + folder)) {
    const std::string name = folder + "/" + entry.name;
    if (entry.kind == Fs::Kind::folder)
      each_ref_file(store, name, each, depth + 1);
    else if (!name.ends_with(".lock") && entry.name.find(".orctl-tmp") == std::string::npos)
      each(name);
  }
}

std::optional<std::string> Git::ref(const std::string& name) const {
  if (!exists()) return std::nullopt;
  try {
    return read_ref(path_, name);
  } catch (const Damage& damage) {
    throw store_fault(fmt::format("read the ref '{}'", name), path_, damage);
  }
}

std::vector<Git::Ref> Git::refs(const std::string& prefix) const {
  std::map<std::string, Ref> found;
  if (!exists()) return {};
  const auto add = [&](const std::string& name) {
    if (!name.starts_with(prefix) || name.size() == prefix.size() || found.contains(name)) return;
    Ref& ref = found[name];
    ref.name = name;
    try {
      ref.id = read_ref(path_, name).value_or("");
    } catch (const Damage& damage) {
      ref.fault = damage.why;
    }
  };
  each_ref_file(path_, "refs", add);
  try {
    for (const PackedRef& ref : packed_refs(path_)) add(ref.name);
  } catch (const Damage&) {
    // file_faults() tells it
  }
  std::vector<Ref> out;
  for (auto& [name, ref] : found) out.push_back(std::move(ref));
  return out;
}

void Git::move_ref(const std::string& name, const std::string& id, const std::optional<std::string>& expected) {
  if (!is_ref_name(name)) throw Error(Exit::target, fmt::format("{:?} is no name of a ref", name));
  Fs fs = writer();
  const std::string file = path_ + "/" + name;
  fs.make_folders(path_parts(file).folder);
  RefLock lock(fs, file, id + "\n");
  if (expected) {
    const std::string now = ref(name).value_or("");
    if (now != *expected) throw moved_ref(name, *expected, now);
  }
  // git leaves empty folders where refs were
  if (const auto there = fs.stat(file); there && there->kind == Fs::Kind::folder) {
    each_ref_file(path_, name, [&](const std::string& inner) {
      throw Error(Exit::target, fmt::format("cannot set '{}': there is a ref '{}'", name, inner), verify_hint);
    });
    fs.remove(file);
  }
  lock.take_place();
  sync_ref(fs, path_, name);
}

void Git::set_ref(const std::string& name, const std::string& id) {
  say(trace_, fmt::format("git ref {} {}", name, id));
  need_store(path_);
  std::string whole = id;
  find_commit(ObjectReader(path_), whole, path_);
  move_ref(name, whole, std::nullopt);
}

void Git::remove_ref(const std::string& name) {
  if (!exists() || !is_ref_name(name)) return;
  Fs fs = writer();
  const std::string file = path_ + "/" + name;
  const auto there = fs.stat(file);
  const bool loose = there && there->kind != Fs::Kind::folder;
  std::vector<PackedRef> packed;
  try {
    packed = packed_refs(path_);
  } catch (const Damage& damage) {
    throw store_fault(fmt::format("remove the ref '{}'", name), path_, damage);
  }
  const auto is_it = [&](const PackedRef& ref) { return ref.sound && ref.name == name; };
  const bool in_pack = std::any_of(packed.begin(), packed.end(), is_it);
  if (!loose && !in_pack) return;
  say(trace_, fmt::format("git ref -d {}", name));
  fs.make_folders(path_parts(file).folder);
  const RefLock lock(fs, file, "");
  if (in_pack) {  // first, lest a kill in between brings an old value back
    if (std::any_of(packed.begin(), packed.end(), [](const PackedRef& ref) { return !ref.sound; }))
      throw store_fault(fmt::format("remove the ref '{}'", name), path_,
                        {"it holds lines that are no refs", packed_path(path_)});
    std::erase_if(packed, is_it);
    RefLock(fs, packed_path(path_), packed_text(packed)).take_place();
  }
  if (loose) fs.remove(file);
  sync_ref(fs, path_, name);
}

void Git::heal_packed_refs() {
  std::vector<PackedRef> packed;
  try {
    packed = packed_refs(path_);
  } catch (const Damage&) {
    return move_aside(packed_path(path_));  // it cannot be read at all
  }
  if (std::all_of(packed.begin(), packed.end(), [](const PackedRef& ref) { return ref.sound; })) return;
  move_aside(packed_path(path_));
  Fs fs = writer();
  RefLock(fs, packed_path(path_), packed_text(packed)).take_place();
}

}  // namespace orctl
