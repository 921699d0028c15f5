#pragma once
#include <map>
#include <string>
#include <string_view>

namespace orctl {

/// The files of schemas/, by their path from the project's top; made by lib/embed.cmake.
const std::map<std::string, std::string_view>& embedded_schemas();

}  // namespace orctl
