// Of NginxMasters (supervisor.h).
#include <algorithm>

#include "host/supervisor.h"

namespace orctl {

NginxMasters::NginxMasters(const World& world) {
  for (const int pid : world.proc.all())
    if (std::string command = world.proc.command_line(pid); command.starts_with("nginx: "))
      all_.push_back({pid, world.proc.parent(pid), std::move(command) + " "});
}

std::vector<int> NginxMasters::children(int master) const {
  std::vector<int> found;
  for (const Process& one : all_)
    if (one.parent == master) found.push_back(one.pid);
  return found;
}

std::vector<int> NginxMasters::strays() const {
  std::vector<int> found;
  for (const Process& one : all_) {
    const bool has_master = std::any_of(all_.begin(), all_.end(), [&](const Process& other) {
      return other.pid == one.parent && other.command.starts_with(master_title);
    });
    if (one.command.starts_with("nginx: worker") && !has_master) found.push_back(one.pid);
  }
  return found;
}

std::vector<int> NginxMasters::of(const std::string& tree) const {
  std::vector<int> found;
  for (const Process& one : all_)
    if (one.command.starts_with(master_title) && one.command.find(" -p " + tree + " ") != std::string::npos)
      found.push_back(one.pid);
  return found;
}

}  // namespace orctl
