#include <algorithm>

#include "nginx/config.h"

namespace orctl::nginx {
namespace {

struct Rule {
  std::string_view name;  ///< of the directive; a leading * matches any beginning
  const char* text;
  const char* hint;
};

// Each of these lets a file laid over the tree run code, read files or write files as the user that tests or starts
// nginx, often root, or lets old workers load a new tree's Lua.
constexpr Rule rules[] = {
    {"load_module", "loads native code, already when the configuration is tested",
     "modules are chosen by orctl from what the host has"},
    {"ssl_engine", "loads native code, already when the configuration is tested", "leave it out"},
    {"include", "reads files from outside the tree", "put the text into this file, or another file of http.d/"},
    {"*_by_lua_file", "is loaded late, so old workers would run the new file",
     "put the code into lua/NAME.lua and call require(\"NAME\") in a *_by_lua_block"},
    {"lua_package_path", "changes where the gateway finds its own Lua", "put modules into lua/"},
    {"lua_package_cpath", "loads native code", "put Lua modules into lua/"},
    {"lua_code_cache", "makes every request load Lua from disk", "leave it out"},
    {"env", "hands the environment of the caller to the workers", "leave it out"},
    {"perl", "runs code", "leave it out"},
    {"perl_modules", "runs code", "leave it out"},
    {"perl_require", "runs code", "leave it out"},
    {"perl_set", "runs code", "leave it out"},
    {"root", "serves files of the host", "the instance serves upstreams; serve files from a server of their own"},
    {"alias", "serves files of the host", "the instance serves upstreams; serve files from a server of their own"},
    {"error_log", "writes a file anywhere on the host", "logs are in the instance's log folder"},
    {"access_log", "writes a file anywhere on the host", "logs are in the instance's log folder"},
    {"pid", "is set by orctl", "leave it out"},
    {"user", "is set by orctl", "set nginx.user in the manifest"},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.front() != '*') return pattern == name;
  pattern.remove_prefix(1);
  return name.size() >= pattern.size() && name.substr(name.size() - pattern.size()) == pattern;
}

void check(const Config& config, std::vector<Finding>& found) {
  for (const Directive& d : config) {
    const bool harmless =
        (d.name == "access_log" || d.name == "error_log") && d.args.size() == 1 && d.args[0].text == "off";
    for (const Rule& rule : rules)
      if (!harmless && matches(rule.name, d.name))
        found.push_back({d.line, d.col, "'" + d.name + "' " + rule.text, rule.hint});
    check(d.block, found);
  }
}

void collect(const Config& config, std::vector<LuaChunk>& out) {
  for (const Directive& d : config) {
    if (d.is_lua()) out.push_back({d.line, std::string(d.line - 1, '\n') + d.lua});
    collect(d.block, out);
  }
}

}  // namespace

std::vector<Finding> check_overlay(std::string_view text) {
  std::vector<Finding> found;
  try {
    check(parse(text), found);
  } catch (const Fault& fault) {
    found.push_back(
        {fault.line, fault.col, fault.what(), "the syntax is nginx's; nothing of this file was taken over"});
  }
  return found;
}

std::vector<LuaChunk> lua_chunks(const Config& config) {
  std::vector<LuaChunk> out;
  collect(config, out);
  return out;
}

}  // namespace orctl::nginx
