#pragma once
#include <string>
#include <vector>

#include "base/layout.h"
#include "model/value.h"

namespace orctl {

/// The settings of [Service] that confine an instance: its user, its folders, what it may see and call. One list for
/// its unit and for everything else that runs its nginx, such as the check of a tree that is not live yet.
std::vector<std::string> confinement(const Value& spec, const Layout& layout);

/// The same of a unit in which `program`, an orctl, changes instances by itself: root with a few capabilities, no
/// network but the sockets of this host, and only the folders to write to that a change of an instance writes.
std::vector<std::string> orctl_confinement(const std::string& program, const Layout& layout);

/// The lines of a unit that only a new process gets: its user, its capabilities, its command.
std::vector<std::string> process_rights(const std::string& unit);

/// How many files one of an instance's processes may have to have open at a time: two for each connection, and some.
int64_t needed_open_files(const Value& spec);
/// LimitNOFILE of its unit: what it needs, and as much as is usual.
int64_t unit_open_files(const Value& spec);

}  // namespace orctl
