#pragma once
#include <set>
#include <string>

#include "base/tree.h"
#include "nginx/config.h"

namespace orctl {

/// Names of all directives in snippets of `overlay`, at whatever depth.
std::set<std::string> directives_of_snippets(const Tree& overlay);

/// What a server of the gateway's own says so that nothing that snippets of `overlay` set for all servers (access,
/// limits, rates, filters of answers) holds there, too. Only what they name is set: nginx need not have the module of
/// the rest.
nginx::Config undo_of_snippets(const Tree& overlay);

}  // namespace orctl
