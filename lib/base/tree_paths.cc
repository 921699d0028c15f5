#include "base/tree_paths.h"

#include <algorithm>
#include <string_view>

namespace orctl::tree_path {

bool is_overlay(const std::string& path) {
  const auto below = [&](const char* folder) { return path.starts_with(folder); };
  return below(http_snippets) || below(stream_snippets) || below(certs) || (below(lua) && !below(own_lua));
}

std::string module_of(const std::string& path) {
  constexpr std::string_view ending = ".lua";
  const size_t begin = std::string_view(lua).size();
  if (!path.starts_with(lua) || !path.ends_with(ending) || path.size() <= begin + ending.size()) return {};
  std::string name = path.substr(begin, path.size() - begin - ending.size());
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

}  // namespace orctl::tree_path
