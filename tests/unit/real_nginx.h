#pragma once
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "host/target.h"

namespace orctl::test {

/// The nginx of this machine, as orctl finds it.
struct RealNginx {
  explicit RealNginx(const World& world) {
    const auto found = find_nginx("", world);
    REQUIRE_MESSAGE(found.has_value(), "nginx is needed");
    facts = nginx_facts(*found, world);
    const auto load = [&](bool built_in, const char* name) {
      const std::string path = facts.modules_path + "/" + name;
      if (!built_in && world.fs.exists(path)) modules += "load_module " + path + ";\n";
    };
    load(facts.lua_built_in, "ndk_http_module.so");
    load(facts.lua_built_in, "ngx_http_lua_module.so");
    load(facts.stream_built_in, "ngx_stream_module.so");
  }

  NginxFacts facts;
  std::string modules;  ///< what loads the modules that it needs
};

}  // namespace orctl::test
