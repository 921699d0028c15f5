#include "store/audit_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "store/events.h"
#include "store/history.h"
#include "store/trailers.h"

namespace orctl {
namespace {

constexpr int64_t full = int64_t{8} << 20;
constexpr size_t usual_tail = size_t{64} << 10, longest_tail = size_t{2} << 20, largest_file = size_t{512} << 20;
constexpr long most_files = 1000000, most_lines = 1L << 50;

/// The number of a full file; 0 of any other name.
long number_of(const std::string& name) {
  const std::string before = "audit.", behind = ".jsonl";
  if (name.size() <= before.size() + behind.size() || !name.starts_with(before) || !name.ends_with(behind)) return 0;
  return parse_number(name.substr(before.size(), name.size() - before.size() - behind.size()), most_files).value_or(0);
}

std::vector<long> full_files(const World& world) {
  std::vector<long> numbers;
  if (!world.fs.exists(world.layout.library())) return numbers;
  for (const Fs::Entry& entry : world.fs.list(world.layout.library()))
    if (const long n = number_of(entry.name); n > 0 && entry.kind == Fs::Kind::file) numbers.push_back(n);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

int64_t size_of(const std::string& path, const World& world) {
  const auto stat = world.fs.stat(path);
  return stat && stat->kind == Fs::Kind::file ? stat->size : 0;
}

/// The end that a file shows by its last bytes.
std::optional<AuditEnd> end_in(const std::string& path, const World& world) {
  const int64_t size = size_of(path, world);
  for (const size_t most : {usual_tail, longest_tail, largest_file}) {
    const int64_t from = std::max<int64_t>(size - static_cast<int64_t>(most), 0);
    std::string tail = size == 0 ? "" : world.fs.read_from(path, from, most);
    if (from > 0) tail.erase(0, tail.find('\n') + 1);
    if (auto end = end_of_audit(tail)) return end;
    if (from == 0) return std::nullopt;
  }
  return std::nullopt;
}

bool ends_with_newline(const std::string& path, const World& world) {
  const int64_t size = size_of(path, world);
  return size == 0 || world.fs.read_from(path, size - 1, 1) == "\n";
}

/// What the commits from a ref down say of the log, as far as they can be read.
void learn_heads(const std::string& ref, const World& world, std::map<int64_t, std::string>& heads) {
  try {
    for (std::string id = world.git.ref(ref).value_or(""); !id.empty();) {
      const Git::Commit commit = world.git.commit(id);
      const std::string head = trailer(commit.message, "Orctl-Audit");
      const size_t blank = std::min(head.find(' '), head.size());
      if (const auto number = parse_number(head.substr(0, blank), most_lines); number && blank < head.size())
        heads[*number] = head.substr(blank + 1);
      id = commit.parent;
    }
  } catch (const Error&) {
    stop_if_interrupted();  // the store's own faults are told by orctl store verify
  }
}

/// The hashes of lines that the store remembers, by their numbers.
std::map<int64_t, std::string> heads_in_store(const World& world) {
  std::map<int64_t, std::string> heads;
  if (!world.git.exists()) return heads;
  for (const std::string& name : recorded_ids(world))
    for (const std::string& ref : {branch_of(name), events_ref(name)}) learn_heads(ref, world, heads);
  return heads;
}

}  // namespace

std::vector<std::string> audit_files(const World& world) {
  std::vector<std::string> paths;
  for (const long n : full_files(world)) paths.push_back(world.layout.full_audit(n));
  if (world.fs.exists(world.layout.audit())) paths.push_back(world.layout.audit());
  return paths;
}

AuditEnd end_of_log(const World& world) {
  const std::string path = world.layout.audit();
  if (auto end = end_in(path, world)) return *end;
  const std::vector<long> numbers = full_files(world);
  AuditEnd out;
  out.terminated = ends_with_newline(path, world);
  for (auto n = numbers.rbegin(); n != numbers.rend(); ++n)
    if (const auto end = end_in(world.layout.full_audit(*n), world)) {
      out.number = end->number;
      out.hash = end->hash;
      out.torn = end->torn || !out.terminated;
      return out;
    }
  std::string all;
  for (const std::string& one : audit_files(world))
    if (size_of(one, world) != 0) all += world.fs.read(one, largest_file);
  out.hash = sealed_hash(out.terminated ? all : all + "\n");
  return out;
}

AuditEnd make_room(World& world) {
  const std::string path = world.layout.audit();
  if (size_of(path, world) >= full) {
    const std::vector<long> numbers = full_files(world);
    world.fs.rename(path, world.layout.full_audit(numbers.empty() ? 1 : numbers.back() + 1));
  }
  return end_of_log(world);
}

AuditRead read_log(const World& world, Against against) {
  std::vector<AuditFile> files;
  for (const std::string& path : audit_files(world)) files.push_back({path, world.fs.read(path, largest_file)});
  return read_audit(files, against == Against::store ? heads_in_store(world) : std::map<int64_t, std::string>{});
}

}  // namespace orctl
