// Of Proc (proc.h): what the kernel says of processes.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <sstream>

#include "sys/fault.h"
#include "sys/fs.h"
#include "sys/proc.h"

namespace orctl {
namespace {

/// A whole file of /proc; "" when the process is gone.
std::string read_proc(int pid, const char* name) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const Fd file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  std::string content;
  char block[4096];
  while (file) {
    const ssize_t got = retried([&] { return ::read(file.get(), block, sizeof block); });
    if (got <= 0) break;
    content.append(block, static_cast<size_t>(got));
  }
  return content;
}

/// /proc/PID/stat from its third field on; the second is the command in parentheses and may hold anything.
std::vector<std::string> stat_fields(int pid) {
  const std::string line = read_proc(pid, "stat");
  const size_t name_end = line.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  for (size_t begin = name_end + 2; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

template <class Number>
Number number(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool Proc::alive(int pid) const {
  const auto fields = stat_fields(pid);
  return !fields.empty() && fields[0] != "Z" && fields[0] != "X";
}

bool Proc::is_stopped(int pid) const {
  const auto fields = stat_fields(pid);
  return !fields.empty() && fields[0] == "T";
}

std::string Proc::command_line(int pid) const {
  std::string line = read_proc(pid, "cmdline");
  while (!line.empty() && line.back() == '\0') line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  return line;
}

std::optional<Proc::Owner> Proc::owner(int pid) const {
  // "Uid:" and "Gid:" with the real number first (proc(5)); the folder's own owner is root for a process that has
  // changed its user, and the effective one is root's for anybody's su
  std::istringstream lines(read_proc(pid, "status"));
  std::optional<uint32_t> uid, gid;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    uint32_t real = 0;
    if (!(words >> key >> real)) continue;
    if (key == "Uid:") uid = real;
    if (key == "Gid:") gid = real;
  }
  if (!uid || !gid) return std::nullopt;
  return Owner{*uid, *gid};
}

std::optional<Proc::Sleep> Proc::sleep_of(int pid, int signal_number) const {
  // proc(5); the sets of signals are read together, and the number of sleeps after them
  const std::string text = read_proc(pid, "status");
  const auto value = [&](std::string_view key) -> std::optional<std::string> {
    const size_t at = text.find("\n" + std::string(key) + ":\t");
    if (at == std::string::npos) return std::nullopt;
    const size_t begin = at + key.size() + 3;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  const uint64_t bit = uint64_t{1} << (signal_number - 1);
  const auto state = value("State"), times = value("voluntary_ctxt_switches");
  if (!state || !times) return std::nullopt;
  bool clear = true;
  for (const char* set : {"SigPnd", "ShdPnd", "SigBlk"}) {
    const auto mask = value(set);
    if (!mask) return std::nullopt;
    clear = clear && (std::strtoull(mask->c_str(), nullptr, 16) & bit) == 0;
  }
  return Sleep{clear && state->starts_with('S'), number<int64_t>(*times)};
}

std::string Proc::executable(int pid) const {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), target, sizeof target);
  return size <= 0 ? "" : std::string(target, static_cast<size_t>(size));
}

std::vector<int> Proc::children(int pid) const {
  std::vector<int> found;
  for (const int other : all()) {
    const auto fields = stat_fields(other);
    if (fields.size() > 1 && number<int>(fields[1]) == pid) found.push_back(other);
  }
  return found;
}

int Proc::parent(int pid) const {
  const auto fields = stat_fields(pid);
  return fields.size() > 1 ? number<int>(fields[1]) : 0;
}

std::vector<int> Proc::all() const {
  std::vector<int> pids;
  for (const auto& entry : Fs({}).list("/proc")) {
    const bool digits = std::all_of(entry.name.begin(), entry.name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) pids.push_back(number<int>(entry.name));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

int64_t Proc::start_ticks(int pid) const {
  const auto fields = stat_fields(pid);
  // Field 22 of proc(5); ours begin with the third.
  return fields.size() > 19 ? number<int64_t>(fields[19]) : 0;
}

int64_t Proc::open_files(int pid) const {
  DIR* dir = ::opendir(fmt::format("/proc/{}/fd", pid).c_str());
  if (dir == nullptr) return 0;
  int64_t count = 0;
  while (const dirent* entry = ::readdir(dir))
    if (entry->d_name[0] != '.') ++count;
  ::closedir(dir);
  return count;
}

int64_t Proc::open_file_limit(int pid) const {
  const std::string text = read_proc(pid, "limits");
  const std::string_view key = "Max open files";
  const size_t at = text.find(key);
  if (at == std::string::npos) return 0;
  return number<int64_t>(text.substr(text.find_first_not_of(' ', at + key.size())));
}

bool Proc::has_open(int pid, const std::string& path) const {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return false;
  bool found = false;
  char target[PATH_MAX];
  while (const dirent* entry = ::readdir(dir)) {
    const ssize_t length = ::readlinkat(::dirfd(dir), entry->d_name, target, sizeof target);
    found = found || (length > 0 && std::string_view(target, static_cast<size_t>(length)) == path);
  }
  ::closedir(dir);
  return found;
}

}  // namespace orctl
