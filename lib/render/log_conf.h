#pragma once
#include <string>

#include "nginx/config.h"

/// What the access log says of a request.
namespace orctl {

/// Of requests that lua/orctl/state/farewell.lua has turned away once, nginx has an empty try in front of all others.
enum class LogOf { usual, turned_away };

/// The formats, and the maps that they are made of. `turned_away`: whether such requests are logged, too.
nginx::Config log_formats(bool turned_away);

nginx::Directive access_log(const std::string& file, LogOf of);

}  // namespace orctl
