#pragma once
#include <map>
#include <string>
#include <string_view>

namespace orctl {

/// The gateway's Lua, the files of lua/, by their path from the project's top; made by lib/embed.cmake.
const std::map<std::string, std::string_view>& embedded_lua();

}  // namespace orctl
