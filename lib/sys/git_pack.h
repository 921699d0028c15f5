#pragma once

#include "sys/git_object.h"

namespace orctl {

/// All of a zlib stream that ends where `packed` ends; throws Damage (without a file) when it does not, or gives more
/// than `max` bytes.
std::string inflate_all(const std::string& packed, size_t max);
std::string deflated(const std::string& content);

/// One pack with its index, version 2 of both (gitformat-pack(5)). What it says of places and sizes is believed no
/// further than its files reach.
class PackFile {
 public:
  /// Reads the index; throws Damage.
  explicit PackFile(const std::string& index);
  /// The pack alone, for each_without_index().
  struct NoIndex {};
  PackFile(std::string pack, NoIndex);

  const std::string& path() const { return path_; }
  /// nullopt when the index does not name it; throws Damage. `depth`: deltas so far.
  std::optional<GitObject> find(const std::string& id, size_t max, const ObjectReader& all, int depth) const;
  void add_matching(const std::string& prefix, std::vector<std::string>& found) const;
  void add_all(std::vector<std::string>& found) const { add_matching("", found); }
  /// What is wrong with the index as a whole; nullopt when it is what git wrote.
  std::optional<Damage> index_fault() const;
  /// Hands over each object that the pack itself still gives, whatever its index says. A delta's base may lie in this
  /// pack by its id alone: it is found by `all` once it has been taken.
  void each_without_index(const ObjectReader& all, size_t max, const std::function<void(const GitObject&)>& take) const;

 private:
  uint32_t number_at(size_t at) const;
  std::string id_at(size_t n) const;
  uint64_t offset_of(size_t n) const;
  /// What stands before an entry's compressed data.
  struct EntryHead {
    int kind = 0;
    size_t size = 0;
    uint64_t data = 0, base_offset = 0;
    std::string base_id = {};
  };
  EntryHead head_at(uint64_t offset, size_t max) const;
  std::vector<uint64_t> places(size_t max) const;  ///< where entries begin, as far as that can be followed
  GitObject read_at_offset(uint64_t offset, size_t max, const ObjectReader& all, int depth) const;
  std::string bytes_at(uint64_t offset, size_t size) const;
  std::string inflate_at(uint64_t offset, size_t size, uint64_t* end = nullptr) const;
  const Fd& file() const;
  [[noreturn]] void damaged(const std::string& why) const;

  std::string path_;  ///< of the pack
  std::string index_;
  size_t count_ = 0;
  mutable Fd file_;
};

}  // namespace orctl
