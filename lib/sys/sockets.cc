// Of Proc (proc.h): who listens where.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <set>
#include <sstream>

#include "sys/fault.h"
#include "sys/proc.h"

namespace orctl {
namespace {

std::string read_whole(const std::string& path) {
  const Fd file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  std::string content;
  char block[65536];
  while (file) {
    const ssize_t got = retried([&] { return ::read(file.get(), block, sizeof block); });
    if (got <= 0) break;
    content.append(block, static_cast<size_t>(got));
  }
  return content;
}

/// "0.0.0.0:53" as the kernel's tables have it: the address's 32-bit words, each a number of this machine, in
/// hexadecimal, and the port. "" when it is no address.
std::string table_name(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = address.substr(0, colon);
  int port = 0;
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  const bool v6 = host.size() > 2 && host.front() == '[';
  if (v6) host = host.substr(1, host.size() - 2);
  uint32_t words[4] = {};
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, host.c_str(), static_cast<void*>(words)) != 1) return {};
  std::string out;
  for (int i = 0; i < (v6 ? 4 : 1); ++i) out += fmt::format("{:08X}", words[i]);
  return fmt::format("{}:{:04X}", out, port);
}

/// Inodes of the sockets in one of /proc/PID/net's tables that are bound to `name`; `state` is the fourth column.
std::set<std::string> inodes(const std::string& table, const std::string& name, const std::string& state) {
  std::set<std::string> found;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string field[10];
    for (std::string& one : field) fields >> one;
    if (field[1] == name && field[3] == state) found.insert(field[9]);
  }
  return found;
}

}  // namespace

bool Proc::listens(int pid, Transport transport, const std::string& address) const {
  const std::string name = table_name(address);
  if (name.empty()) return false;
  const bool v6 = address.front() == '[', udp = transport == Transport::udp;
  // proc(5): a socket of UDP that waits for datagrams has the number of TCP_CLOSE
  const std::set<std::string> wanted = inodes(
      read_whole(fmt::format("/proc/{}/net/{}{}", pid, udp ? "udp" : "tcp", v6 ? "6" : "")), name, udp ? "07" : "0A");
  if (wanted.empty()) return false;
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return false;
  bool found = false;
  char target[64];
  while (const dirent* entry = ::readdir(dir)) {
    const ssize_t length = ::readlinkat(::dirfd(dir), entry->d_name, target, sizeof target);
    std::string_view link(target, length > 0 ? static_cast<size_t>(length) : 0);
    if (!link.starts_with("socket:[")) continue;
    link.remove_prefix(8);
    found = found || wanted.contains(std::string(link.substr(0, link.size() - 1)));
  }
  ::closedir(dir);
  return found;
}

bool Proc::shares_network(int pid) const {
  struct stat ours, theirs;
  return ::stat("/proc/self/ns/net", &ours) != 0 || ::stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &theirs) != 0 ||
         (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino);
}

}  // namespace orctl
