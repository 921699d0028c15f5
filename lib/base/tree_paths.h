#pragma once
#include <string>

/// What stands where in an instance's tree; a name that ends in "/" is a folder.
namespace orctl::tree_path {

inline constexpr const char* nginx_conf = "nginx.conf";
inline constexpr const char* document = "gateway.json";   ///< what the gateway serves from; changed hot
inline constexpr const char* settings = "settings.json";  ///< what the gateway reads at its start besides
inline constexpr const char* certificates =
    "certs.json";                                     ///< which files of the tree are whose certificate; changed hot
inline constexpr const char* certs = "certs/";        ///< certificates and what is secret, of the overlay
inline constexpr const char* lua = "lua/";            ///< Lua of the overlay, and of the gateway
inline constexpr const char* own_lua = "lua/orctl/";  ///< the gateway's own, which no overlay may touch
inline constexpr const char* overlay_modules = "lua/orctl/overlay.list";  ///< modules of the overlay, which it requires
inline constexpr const char* http_snippets = "http.d/";
inline constexpr const char* stream_snippets = "streams.d/";

/// The name by which Lua requires a file of the tree, "a.b" of lua/a/b.lua; "" when it is no module.
std::string module_of(const std::string& path);

/// Whether a file of the tree was laid over it by its manifest's folder; all others are made.
bool is_overlay(const std::string& path);

}  // namespace orctl::tree_path
