#include "sys/git_pack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>

#include "base/hash.h"
#include "sys/fs_handle.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr size_t max_index = size_t{256} << 20;
constexpr size_t head_size = 8, fanout_size = 4 * 256, trailer_size = 40, entry_size = 20 + 4 + 4;
constexpr size_t pack_head = 12;
constexpr int longest_chain = 4096;  // git makes none longer than 4095
constexpr int offset_delta = 6, id_delta = 7;

/// A zlib stream that is being inflated. Each step takes some of what is finite, input or room, or says which of the
/// two has come to its end; so whoever loops over it ends, whatever he is given.
class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  /// What comes next; it must be there until it is taken.
  void feed(std::string& in) {
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
  }
  enum class Wants { input, room, nothing };
  /// Adds to `out`, which grows to at most `limit` bytes.
  Wants step(std::string& out, size_t limit) {
    const size_t had = out.size();
    out.resize(std::min(limit, std::max(2 * had, had + 4096)));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data()) + had;
    stream_.avail_out = static_cast<uInt>(out.size() - had);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    const bool full = stream_.avail_out == 0;
    out.resize(out.size() - stream_.avail_out);
    if (code == Z_STREAM_END) return Wants::nothing;
    if (code != Z_OK && code != Z_BUF_ERROR) throw Damage{"its compressed data is damaged", ""};
    return full ? Wants::room : Wants::input;
  }
  size_t left() const { return stream_.avail_in; }  ///< bytes of the input that were not taken

 private:
  z_stream stream_ = {};
};

/// Little-endian numbers of seven bits a byte, as deltas have them.
class DeltaReader {
 public:
  explicit DeltaReader(const std::string& delta) : delta_(delta) {}
  bool done() const { return at_ == delta_.size(); }
  unsigned byte() {
    if (done()) throw Damage{"a delta ends too early", ""};
    return static_cast<unsigned char>(delta_[at_++]);
  }
  size_t size() {
    size_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const unsigned b = byte();
      if (shift > 56) throw Damage{"a delta has no sensible size", ""};
      value |= size_t{b & 0x7f} << shift;
      if ((b & 0x80) == 0) return value;
    }
  }
  std::string take(size_t n) {
    if (n > delta_.size() - at_) throw Damage{"a delta ends too early", ""};
    at_ += n;
    return delta_.substr(at_ - n, n);
  }

 private:
  const std::string& delta_;
  size_t at_ = 0;
};

std::string patched(const std::string& base, const std::string& delta, size_t max) {
  DeltaReader reader(delta);
  if (reader.size() != base.size()) throw Damage{"a delta is made for another base", ""};
  const size_t size = reader.size();
  if (size > max) throw Damage{fmt::format("it has {} bytes, and {} are the most", size, max), ""};
  std::string out;
  while (!reader.done()) {
    const unsigned op = reader.byte();
    if (op == 0) throw Damage{"a delta has an unknown order", ""};
    if ((op & 0x80) == 0) {
      out += reader.take(op);
    } else {
      size_t offset = 0, length = 0;
      for (unsigned i = 0; i < 4; ++i)
        if ((op & 1U << i) != 0) offset |= size_t{reader.byte()} << 8 * i;
      for (unsigned i = 0; i < 3; ++i)
        if ((op & 0x10U << i) != 0) length |= size_t{reader.byte()} << 8 * i;
      if (length == 0) length = 0x10000;
      if (offset > base.size() || length > base.size() - offset) throw Damage{"a delta copies what is not there", ""};
      out.append(base, offset, length);
    }
    if (out.size() > size) throw Damage{"a delta gives more than it says", ""};
  }
  if (out.size() != size) throw Damage{"a delta gives less than it says", ""};
  return out;
}

}  // namespace

std::string inflate_all(const std::string& packed, size_t max) {
  Inflater inflater;
  std::string in = packed, out;
  inflater.feed(in);
  for (;;) {
    const Inflater::Wants wants = inflater.step(out, max + 1);
    if (out.size() > max) throw Damage{fmt::format("it has more than {} bytes", max), ""};
    if (wants == Inflater::Wants::input) throw Damage{"its compressed data ends too early", ""};
    if (wants == Inflater::Wants::room) continue;
    if (inflater.left() != 0) throw Damage{"there is something behind its end", ""};
    return out;
  }
}

std::string deflated(const std::string& content) {
  std::string in = content, out(compressBound(content.size()), '\0');
  uLongf size = out.size();
  // as git does it for loose objects
  const int code = compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(in.data()),
                             in.size(), Z_BEST_SPEED);
  if (code != Z_OK) throw std::bad_alloc();
  out.resize(size);
  return out;
}

void PackFile::damaged(const std::string& why) const { throw Damage{why, path_}; }

uint32_t PackFile::number_at(size_t at) const {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(index_[at + i]);
  return value;
}

PackFile::PackFile(const std::string& index) : path_(index.substr(0, index.size() - 3) + "pack") {
  auto content = read_store_file(index, max_index);
  if (!content) throw Damage{"it is missing", index};
  index_ = std::move(*content);
  if (index_.size() < head_size + fanout_size + trailer_size || !index_.starts_with("\377tOc") || number_at(4) != 2)
    throw Damage{"it is no index of a pack, version 2", index};
  uint32_t before = 0;
  for (size_t i = 0; i < 256; ++i) {
    const uint32_t upto = number_at(head_size + 4 * i);
    if (upto < before) throw Damage{"it is damaged", index};
    before = upto;
  }
  count_ = before;
  if (index_.size() < head_size + fanout_size + size_t{count_} * entry_size + trailer_size)
    throw Damage{"it ends too early", index};
}

PackFile::PackFile(std::string pack, NoIndex) : path_(std::move(pack)) {}

std::string PackFile::id_at(size_t n) const {
  std::string id;
  for (size_t i = 0; i < 20; ++i)
    id += fmt::format("{:02x}", static_cast<unsigned char>(index_[head_size + fanout_size + 20 * n + i]));
  return id;
}

uint64_t PackFile::offset_of(size_t n) const {
  const size_t offsets = head_size + fanout_size + count_ * 24;
  const uint32_t small = number_at(offsets + 4 * n);
  if ((small & 0x80000000U) == 0) return small;
  const size_t at = offsets + 4 * count_ + 8 * size_t{small & 0x7fffffffU};
  if (at + 8 + trailer_size > index_.size()) damaged("its index is damaged");
  return uint64_t{number_at(at)} << 32 | number_at(at + 4);
}

void PackFile::add_matching(const std::string& prefix, std::vector<std::string>& found) const {
  size_t low = 0, high = count_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (id_at(middle) < prefix)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < count_; ++low) {
    std::string id = id_at(low);
    if (!id.starts_with(prefix)) return;
    found.push_back(std::move(id));
    if (!prefix.empty() && found.size() > 2) return;
  }
}

std::optional<GitObject> PackFile::find(const std::string& id, size_t max, const ObjectReader& all, int depth) const {
  size_t low = 0, high = count_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (id_at(middle) < id)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == count_ || id_at(low) != id) return std::nullopt;
  try {
    GitObject object = read_at_offset(offset_of(low), max, all, depth);
    if (object_id(object.type, object.content) != id) damaged("its content is another than its id says");
    return object;
  } catch (const Damage& damage) {
    throw Damage{damage.why, damage.file.empty() ? path_ : damage.file};
  }
}

const Fd& PackFile::file() const {
  if (file_) return file_;
  Fd opened(retried([&] { return ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  struct stat raw = {};
  if (!opened || ::fstat(opened.get(), &raw) != 0) damaged("it cannot be read: " + errno_text(errno));
  if (!S_ISREG(raw.st_mode)) damaged(fmt::format("it is a {}, not a regular file", what_is(raw.st_mode)));
  file_ = std::move(opened);
  return file_;
}

std::string PackFile::bytes_at(uint64_t offset, size_t size) const {
  std::string block(size, '\0');
  const int fd = file().get();
  const ssize_t got = retried([&] { return ::pread(fd, block.data(), size, static_cast<off_t>(offset)); });
  if (got < 0) damaged("it cannot be read: " + errno_text(errno));
  block.resize(static_cast<size_t>(got));
  return block;
}

std::string PackFile::inflate_at(uint64_t offset, size_t size, uint64_t* end) const {
  Inflater inflater;
  std::string in, out;
  for (;;) {
    const Inflater::Wants wants = inflater.step(out, size + 1);
    if (out.size() > size) damaged("an object gives more than it says");
    if (wants == Inflater::Wants::nothing) break;
    if (wants == Inflater::Wants::room) continue;
    stop_if_interrupted();
    in = bytes_at(offset, size_t{1} << 16);
    if (in.empty()) damaged("it ends too early");
    offset += in.size();
    inflater.feed(in);
  }
  if (out.size() != size) damaged("an object gives less than it says");
  if (end != nullptr) *end = offset - inflater.left();
  return out;
}

PackFile::EntryHead PackFile::head_at(uint64_t offset, size_t max) const {
  const std::string head = bytes_at(offset, 64);
  size_t at = 0;
  const auto next = [&]() -> unsigned {
    if (at == head.size()) damaged("it ends too early");
    return static_cast<unsigned char>(head[at++]);
  };
  EntryHead out;
  unsigned b = next();
  out.kind = static_cast<int>(b >> 4 & 7);
  out.size = b & 0xf;
  for (unsigned shift = 4; (b & 0x80) != 0; shift += 7) {
    if (shift > 56) damaged("an object has no sensible size");
    b = next();
    out.size |= size_t{b & 0x7f} << shift;
  }
  if (out.size > max) damaged(fmt::format("an object has {} bytes, and {} are the most", out.size, max));
  if (out.kind == offset_delta) {
    b = next();
    uint64_t back = b & 0x7f;
    while ((b & 0x80) != 0) {
      if (back > offset) break;
      b = next();
      back = (back + 1) << 7 | (b & 0x7f);
    }
    if (back == 0 || back > offset) damaged("a delta's base is not before it");
    out.base_offset = offset - back;
  } else if (out.kind == id_delta) {
    for (int i = 0; i < 20; ++i) out.base_id += fmt::format("{:02x}", next());
  } else if (out.kind < 1 || out.kind > 4) {
    damaged("an object is of an unknown kind");
  }
  out.data = offset + at;
  return out;
}

GitObject PackFile::read_at_offset(uint64_t offset, size_t max, const ObjectReader& all, int depth) const {
  stop_if_interrupted();
  if (depth > longest_chain) damaged("a chain of deltas does not end");
  const EntryHead head = head_at(offset, max);
  if (head.kind != offset_delta && head.kind != id_delta)
    return {static_cast<ObjectType>(head.kind), inflate_at(head.data, head.size)};
  GitObject base;
  if (head.kind == offset_delta) {
    base = read_at_offset(head.base_offset, max, all, depth + 1);
  } else {
    auto found = all.find_at(head.base_id, max, depth + 1);
    if (!found) damaged("a delta's base is missing");
    base = std::move(*found);
  }
  base.content = patched(base.content, inflate_at(head.data, head.size), max);
  return base;
}

std::vector<uint64_t> PackFile::places(size_t max) const {
  std::vector<uint64_t> out;
  try {
    const std::string head = bytes_at(0, pack_head);
    if (head.size() < pack_head || !head.starts_with("PACK")) damaged("it does not begin like a pack");
    uint32_t count = 0;
    for (size_t i = 8; i < pack_head; ++i) count = count << 8 | static_cast<unsigned char>(head[i]);
    uint64_t offset = pack_head;
    for (uint32_t n = 0; n < count; ++n) {
      stop_if_interrupted();
      out.push_back(offset);
      const EntryHead entry = head_at(offset, max);
      inflate_at(entry.data, entry.size, &offset);
    }
  } catch (const Damage&) {
    // what comes after it has no place that anybody knows
  }
  return out;
}

void PackFile::each_without_index(const ObjectReader& all, size_t max,
                                  const std::function<void(const GitObject&)>& take) const {
  std::vector<uint64_t> left = places(max), failed;
  // a delta may come before its base, which is found once it has been taken
  for (bool more = true; more && !left.empty(); left.swap(failed)) {
    more = false;
    failed.clear();
    for (const uint64_t offset : left) {
      try {
        take(read_at_offset(offset, max, all, 0));
        more = true;
      } catch (const Damage&) {
        failed.push_back(offset);
      }
    }
  }
}

std::optional<Damage> PackFile::index_fault() const {
  const std::string index = path_.substr(0, path_.size() - 4) + "idx";
  const size_t digest = 20, body = index_.size() - digest;
  std::string sum;
  for (size_t i = body; i < index_.size(); ++i) sum += fmt::format("{:02x}", static_cast<unsigned char>(index_[i]));
  if (sha1(index_.substr(0, body)) != sum) return Damage{"its content is another than its own digest says", index};
  return std::nullopt;
}

}  // namespace orctl
