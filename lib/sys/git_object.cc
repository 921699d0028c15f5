#include "sys/git_object.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/text.h"
#include "sys/fs.h"
#include "sys/fs_handle.h"
#include "sys/git_pack.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr size_t max_alternates = 65536;
constexpr size_t alternate_depth = 5;  // as git's own
constexpr size_t longest_header = 32;  // "commit 18446744073709551615\0"

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

/// Follows objects/info/alternates; what cannot be read there is as if it were not there: objects that are missing for
/// it are told as missing.
void add_alternates(const std::string& objects, size_t depth, std::vector<std::string>& folders) {
  if (depth == alternate_depth) return;
  std::optional<std::string> list;
  try {
    list = read_store_file(objects + "/info/alternates", max_alternates);
  } catch (const Damage&) {
    return;
  }
  if (!list) return;
  for (const std::string& line : split(*list, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    const std::string folder = line.front() == '/' ? line : objects + "/" + line;
    if (std::find(folders.begin(), folders.end(), folder) != folders.end()) continue;
    folders.push_back(folder);
    add_alternates(folder, depth + 1, folders);
  }
}

std::vector<std::string> names_of(const std::string& folder) {
  std::vector<std::string> names;
  try {
    for (const Fs::Entry& entry : Fs({}).list(folder)) names.push_back(entry.name);
  } catch (const Error&) {
    // an object that is missed for it is told as missing
  }
  return names;
}

}  // namespace

const char* to_string(ObjectType type) {
  switch (type) {
    case ObjectType::commit:
      return "commit";
    case ObjectType::tree:
      return "tree";
    case ObjectType::blob:
      return "blob";
    case ObjectType::tag:
      return "tag";
  }
  return "object";
}

std::optional<ObjectType> object_type(const std::string& word) {
  for (const ObjectType type : {ObjectType::commit, ObjectType::tree, ObjectType::blob, ObjectType::tag})
    if (word == to_string(type)) return type;
  return std::nullopt;
}

std::string object_id(ObjectType type, std::string_view content) {
  std::string whole = fmt::format("{} {}", to_string(type), content.size());
  whole += '\0';
  whole += content;
  return sha1(whole);
}

bool is_object_id(std::string_view text) { return text.size() == 40 && is_hex(text); }

std::optional<std::string> read_store_file(const std::string& path, size_t max) {
  stop_if_interrupted();
  const Fd file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  // a socket, or a device without a driver
  if (!file && errno == ENXIO) throw Damage{"it is a special file, not a regular file", path};
  struct stat raw = {};
  if (!file || ::fstat(file.get(), &raw) != 0) throw Damage{"it cannot be read: " + errno_text(errno), path};
  if (!S_ISREG(raw.st_mode)) throw Damage{fmt::format("it is a {}, not a regular file", what_is(raw.st_mode)), path};
  if (static_cast<size_t>(raw.st_size) > max)
    throw Damage{fmt::format("it has {} bytes, and {} are the most", raw.st_size, max), path};
  std::string content(static_cast<size_t>(raw.st_size), '\0');
  size_t have = 0;
  while (have < content.size()) {
    const ssize_t got = retried([&] { return ::read(file.get(), content.data() + have, content.size() - have); });
    if (got < 0) throw Damage{"it cannot be read: " + errno_text(errno), path};
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  content.resize(have);
  return content;
}

std::string ObjectReader::loose_file(const std::string& store, const std::string& id) {
  return store + "/objects/" + id.substr(0, 2) + "/" + id.substr(2);
}

ObjectReader::ObjectReader(const std::string& store) : folders_({store + "/objects"}) {
  add_alternates(folders_.front(), 0, folders_);
}
ObjectReader::~ObjectReader() = default;

GitObject ObjectReader::loose(const std::string& file, const std::string& id, size_t max) {
  // what does not compress grows by a little
  const auto packed = read_store_file(file, max + max / 256 + 1024);
  if (!packed) throw Damage{"it is missing", file};
  try {
    std::string content = inflate_all(*packed, max + longest_header);
    const size_t blank = content.find(' '), zero = content.find('\0');
    const bool head = blank < zero && zero <= longest_header;
    const auto type = head ? object_type(content.substr(0, blank)) : std::nullopt;
    const auto size = head ? parse_number(content.substr(blank + 1, zero - blank - 1), INT64_MAX) : std::nullopt;
    if (!type || !size) throw Damage{"it does not begin like an object", file};
    if (static_cast<size_t>(*size) != content.size() - zero - 1)
      throw Damage{fmt::format("it says that it has {} bytes, and has {}", *size, content.size() - zero - 1), file};
    if (sha1(content) != id) throw Damage{"its content is another than its id says", file};
    content.erase(0, zero + 1);
    return {*type, std::move(content)};
  } catch (const Damage& damage) {
    throw Damage{damage.why, file};
  }
}

void ObjectReader::look_for_packs() const {
  if (packs_known_) return;
  packs_known_ = true;
  for (const std::string& folder : folders_) {
    for (const std::string& name : names_of(folder + "/pack")) {
      if (!name.ends_with(".idx")) continue;
      const std::string path = folder + "/pack/" + name;
      try {
        packs_.push_back(std::make_unique<PackFile>(path));
      } catch (const Damage& damage) {
        broken_packs_.push_back(damage);
      }
    }
  }
}

std::optional<GitObject> ObjectReader::find(const std::string& id, size_t max) const { return find_at(id, max, 0); }

std::optional<GitObject> ObjectReader::find_at(const std::string& id, size_t max, int depth) const {
  std::optional<Damage> first;
  const auto keep = [&](const Damage& damage) {
    if (!first) first = damage;
  };
  for (const std::string& folder : folders_) {
    const std::string file = folder + "/" + id.substr(0, 2) + "/" + id.substr(2);
    struct stat raw = {};
    if (::lstat(file.c_str(), &raw) != 0) {
      if (errno != ENOENT && errno != ENOTDIR) keep({"it cannot be read: " + errno_text(errno), file});
      continue;
    }
    try {
      return loose(file, id, max);
    } catch (const Damage& damage) {
      keep(damage);  // a pack may have it whole
    }
  }
  look_for_packs();
  for (const auto& pack : packs_) {
    try {
      if (auto found = pack->find(id, max, *this, depth)) return found;
    } catch (const Damage& damage) {
      keep(damage);
    }
  }
  if (!first && !broken_packs_.empty()) first = broken_packs_.front();
  if (first) throw Damage(*first);
  return std::nullopt;
}

std::vector<std::string> ObjectReader::matching(const std::string& prefix) const {
  std::vector<std::string> found;
  for (const std::string& folder : folders_) {
    const std::string fan = prefix.substr(0, 2);
    for (const std::string& name : names_of(folder + "/" + fan))
      if (is_object_id(fan + name) && (fan + name).starts_with(prefix)) found.push_back(fan + name);
  }
  look_for_packs();
  for (const auto& pack : packs_) pack->add_matching(prefix, found);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > 2) found.resize(2);
  return found;
}

void ObjectReader::check_indexes(const std::function<void(const Damage&)>& damaged) const {
  look_for_packs();
  const std::string folder = folders_.front() + "/pack/";
  for (const auto& pack : packs_)
    if (const auto fault = pack->path().starts_with(folder) ? pack->index_fault() : std::nullopt) damaged(*fault);
  const auto names = names_of(folders_.front() + "/pack");
  for (const std::string& name : names) {
    if (!name.ends_with(".pack")) continue;
    const std::string index = name.substr(0, name.size() - 4) + "idx";
    if (std::find(names.begin(), names.end(), index) == names.end())
      damaged({"it is missing, and the pack is of no use without it", folder + index});
  }
}

void ObjectReader::each(const std::function<void(const std::string&, const std::string&)>& each,
                        const std::function<void(const Damage&)>& damaged) const {
  const std::string& own = folders_.front();
  for (const std::string& fan : names_of(own)) {
    if (fan.size() != 2 || !is_hex(fan)) continue;
    for (const std::string& name : names_of(own + "/" + fan))
      if (is_object_id(fan + name)) each(fan + name, own + "/" + fan + "/" + name);
  }
  look_for_packs();
  for (const Damage& damage : broken_packs_) damaged(damage);
  for (const auto& pack : packs_) {
    std::vector<std::string> ids;
    pack->add_all(ids);
    for (const std::string& id : ids) each(id, pack->path());
  }
}

}  // namespace orctl
