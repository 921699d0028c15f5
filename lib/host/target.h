#pragma once
#include <optional>
#include <string>

#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// What `nginx -V` and the modules folder say of one binary.
struct NginxFacts {
  std::string binary;
  std::string version;  ///< "nginx/1.22.1", "openresty/1.27.1.1"
  bool lua_built_in = false;
  std::string modules_path;
  bool lua_module = false, stream_module = false;  ///< a module that load_module can load is there
  bool stream_built_in = false;
  bool tls = false, http2 = false;
  bool stderr_option = false, http2_directive = false, keepalive_min_timeout = false;
};

/// Reads one binary's facts; an Error (Exit::target) when it does not run.
NginxFacts nginx_facts(const std::string& binary, const World& world);

/// The binary that serves here: `wanted` if not empty, the configuration's, `openresty` in PATH, OpenResty's usual
/// prefixes, `nginx` in PATH and /usr/sbin; nullopt when there is none; Error(Exit::target) when the configuration's is
/// not there.
std::optional<std::string> find_nginx(const std::string& wanted, const World& world);

/// Throws Error(Exit::refused) when others than root and the caller could change what is run.
void require_trusted(const std::string& binary);

/// The target for one instance on this host. Exit::target, saying what is missing and how to install it, when no
/// binary with the Lua module is found; Exit::refused, and nothing is run, when the policy of this host does not let a
/// manifest name that binary or user.
Target find_target(const Value& spec, const World& world);

/// Whose the tree of an instance is on this host, and who may read it.
Ownership tree_ownership(const Value& spec, const World& world);

}  // namespace orctl
