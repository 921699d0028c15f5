#pragma once
#include "cli/io.h"
#include "plan/plan.h"

namespace orctl {

/// Whether the files' own differences are shown under the changes.
enum class ShowFiles { no, yes };

/// Shows a plan as people read it (`+` add, `-` remove, `~` change, each with its impact), or adds it to the JSON
/// document: one item for each instance, and `diff` with every changed file for Ansible. What is secret is masked.
void show_plan(Io& io, const Plan& plan, ShowFiles files);

/// The same without the items: for a command that adds items of its own.
void show_changes(Io& io, const Plan& plan, ShowFiles files);

/// Whether the gateway's own Lua is shown, too: it is the program's, unless a hand has edited it.
enum class OwnLua { left_out, shown };

/// Hands every file in which the two versions of `plan` differ to the JSON document, and prints its difference.
void show_files(Io& io, const InstancePlan& plan, ShowFiles files, OwnLua own);

/// One change in one line, without its end: "~ upstream[a].server[10.0.0.1:80].weight: 1 -> 2".
std::string change_line(const Change& change);

}  // namespace orctl
