#include "sys/env.h"

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "sys/fault.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

struct Account {
  std::string name, comment;
  gid_t group = 0;
};

/// `ask` is getpwnam_r or getpwuid_r with its key bound; both may need a larger buffer than they say.
template <class Ask>
std::optional<Account> account(Ask ask) {
  std::vector<char> buffer(1024);
  passwd entry = {};
  passwd* found = nullptr;
  while (ask(&entry, buffer.data(), buffer.size(), &found) == ERANGE) buffer.resize(buffer.size() * 2);
  if (found == nullptr) return std::nullopt;
  return Account{found->pw_name, found->pw_gecos, found->pw_gid};
}

std::optional<Account> account_named(const std::string& name) {
  return account([&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); });
}

}  // namespace

std::string Env::get(const std::string& name) const {
  const char* value = ::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::string Env::user() const {
  if (is_root()) {
    std::string caller = get("SUDO_USER");
    if (!caller.empty()) return caller;
  }
  const auto found = account([&](auto... rest) { return ::getpwuid_r(uid(), rest...); });
  return found ? found->name : std::to_string(uid());
}

bool Env::is_root() const { return uid() == 0; }

uint32_t Env::uid() const { return ::geteuid(); }

std::string Env::host() const {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::string Env::program() const {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  std::string program(path.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
  // of a program that an upgrade has replaced meanwhile the kernel says so; the new one is at the same place
  constexpr std::string_view replaced = " (deleted)";
  if (program.ends_with(replaced)) program.resize(program.size() - replaced.size());
  return program;
}

bool Env::user_exists(const std::string& name) const { return account_named(name).has_value(); }

std::string Env::comment_of(const std::string& user) const {
  const auto found = account_named(user);
  return found ? found->comment : "";
}

std::string Env::group_of(const std::string& user) const {
  const auto found = account_named(user);
  if (!found) return "";
  std::vector<char> buffer(1024);
  group entry = {};
  group* answer = nullptr;
  while (::getgrgid_r(found->group, &entry, buffer.data(), buffer.size(), &answer) == ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  return answer == nullptr ? "" : answer->gr_name;
}

bool Env::is_terminal(int fd) const { return ::isatty(fd) != 0; }

bool Env::confirm(const std::string& question) const {
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::fputs(question.c_str(), stderr);
  // A read would be restarted after Ctrl-C; this wait ends.
  for (pollfd input = {STDIN_FILENO, POLLIN, 0}; ::poll(&input, 1, 100) <= 0;) stop_if_interrupted();
  std::array<char, 16> answer = {};
  if (std::fgets(answer.data(), static_cast<int>(answer.size()), stdin) == nullptr) return false;
  const std::string text(answer.data());
  return text == "y\n" || text == "yes\n" || text == "Y\n";
}

}  // namespace orctl
