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
    {"*_cache_path", "writes files anywhere on the host", "caches are not part of an instance"},
    {"*_temp_path", "writes files anywhere on the host", "temporary files are in the instance's state folder"},
    {"*_store", "writes files anywhere on the host", "leave it out"},
    {"dav_methods", "writes files", "leave it out"},
    {"lock_file", "is set by orctl", "leave it out"},
    {"working_directory", "is set by orctl", "leave it out"},
    {"pid", "is set by orctl", "leave it out"},
    {"user", "is set by orctl", "set nginx.user in the manifest"},
};

// These read a file when the configuration is tested, as the user that tests it; inside the tree that is fine.
constexpr std::string_view file_directives[] = {"ssl_certificate",
                                                "ssl_certificate_key",
                                                "ssl_password_file",
                                                "ssl_trusted_certificate",
                                                "ssl_client_certificate",
                                                "ssl_crl",
                                                "ssl_dhparam",
                                                "ssl_session_ticket_key",
                                                "ssl_stapling_file",
                                                "proxy_ssl_certificate",
                                                "proxy_ssl_certificate_key",
                                                "proxy_ssl_password_file",
                                                "proxy_ssl_trusted_certificate",
                                                "proxy_ssl_crl",
                                                "lua_ssl_trusted_certificate",
                                                "lua_ssl_certificate",
                                                "lua_ssl_certificate_key",
                                                "lua_ssl_crl",
                                                "auth_basic_user_file",
                                                "auth_jwt_key_file",
                                                "geoip_country",
                                                "geoip_city",
                                                "xslt_stylesheet"};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.front() != '*') return pattern == name;
  pattern.remove_prefix(1);
  return name.size() >= pattern.size() && name.substr(name.size() - pattern.size()) == pattern;
}

/// A path that stays in the tree: relative, without "..", and no variable that could make it another.
bool inside_tree(const std::string& path) {
  return !path.empty() && path[0] != '/' && path.find("..") == std::string::npos &&
         path.find('$') == std::string::npos && path.find(':') == std::string::npos;
}

/// The blocks whose lines are values and not directives, but for `include`.
bool holds_values(const Directive& d) {
  return d.name == "map" || d.name == "geo" || d.name == "split_clients" || d.name == "types" ||
         d.name == "charset_map";
}

void check_one(const Directive& d, std::vector<Finding>& found) {
  if (d.name == "access_log" && d.args.size() == 1 && d.args[0].text == "off") return;
  for (const Rule& rule : rules)
    if (matches(rule.name, d.name)) found.push_back({d.line, d.col, "'" + d.name + "' " + rule.text, rule.hint});
  const bool reads =
      std::find(std::begin(file_directives), std::end(file_directives), d.name) != std::end(file_directives);
  if (reads && !d.args.empty() && d.args[0].text != "off" && !inside_tree(d.args[0].text))
    found.push_back({d.line, d.col, "'" + d.name + "' reads a file from outside the tree",
                     "put the file into certs/ and name it by its path in the tree, for example certs/site.pem"});
}

void check(const Config& config, bool values, std::vector<Finding>& found) {
  for (const Directive& d : config) {
    if (!values || d.name == "include") check_one(d, found);
    check(d.block, holds_values(d), found);
  }
}

void collect(const Config& config, std::vector<LuaChunk>& out) {
  for (const Directive& d : config) {
    if (d.is_lua()) out.push_back({d.line, std::string(d.lua_line - 1, '\n') + d.lua});
    collect(d.block, out);
  }
}

}  // namespace

std::vector<Finding> check_overlay(std::string_view text) {
  std::vector<Finding> found;
  try {
    check(parse(text), false, found);
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
