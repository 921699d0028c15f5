#include "host/target.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <tuple>

#include "base/rights.h"
#include "base/text.h"
#include "host/child_words.h"
#include "kind/kind.h"
#include "manifest/config.h"
#include "model/host_rules.h"
#include "model/instance_user.h"
#include "model/listener.h"
#include "sys/trust.h"

namespace orctl {
namespace {

constexpr const char* how_to_install =
    "install it: apt-get install nginx libnginx-mod-http-lua lua-cjson, or OpenResty's own packages; see: orctl doctor";

/// "1.22.1" -> 1022001
long version_number(const std::string& version) {
  const auto parts = split(version.substr(version.find('/') + 1), '.');
  long n = 0;
  for (size_t i = 0; i < 3; ++i) n = n * 1000 + (i < parts.size() ? parse_number(parts[i], 999).value_or(0) : 0);
  return n;
}

std::string word_after(const std::string& text, const std::string& mark) {
  const size_t at = text.find(mark);
  if (at == std::string::npos) return {};
  const size_t start = at + mark.size();
  return text.substr(start, text.find_first_of(" \n'", start) - start);
}

std::set<std::string> options_of(const std::string& words) {
  std::istringstream in(words);
  return {std::istream_iterator<std::string>(in), {}};
}

/// Whether Lua for http is built in: OpenResty's folder is ngx_lua-0.10.28, a clone's lua-nginx-module.
bool has_lua(const std::string& words) {
  for (const std::string& option : options_of(words)) {
    const std::string folder = option.substr(option.rfind('/') + 1);
    if (option.starts_with("--add-module=") && folder.find("lua") != std::string::npos &&
        folder.find("stream") == std::string::npos)
      return true;
  }
  return false;
}

/// Refuses listeners that this nginx cannot have.
void check_listeners(const Value& spec, const NginxFacts& facts) {
  for (const Value& listener : spec.at("listener").items()) {
    const Value* http2 = listener.find("http2");
    const auto lacks = [&](const char* what, const char* hint) {
      throw Error(Exit::target,
                  fmt::format("{} ({}) has no {}, which the {} listener {} needs", facts.binary, facts.version, what,
                              listener.at("protocol").as_string(), socket_name(listener)),
                  hint);
    };
    if (is_stream(listener) && !facts.stream_built_in && !facts.stream_module)
      lacks("stream module", "install it: apt-get install libnginx-mod-stream; see: orctl doctor");
    if (listener.at("protocol").as_string() == "https" && !facts.tls) lacks("TLS", how_to_install);
    if (http2 != nullptr && http2->as_bool() && !facts.http2) lacks("HTTP/2", "take http2 = true away");
  }
}

/// What `nginx -V` says; asked once of the same file, which says the same for as long as it is the same.
Proc::Result built_with(const std::string& binary, const World& world) {
  using Id = std::tuple<std::string, int64_t, int64_t, int64_t>;
  static std::mutex mutex;
  static std::map<Id, Proc::Result> asked;
  const auto file = world.fs.follow(binary);
  const Id id = file ? Id(binary, file->inode, file->mtime_ns, file->size) : Id();
  {
    const std::lock_guard lock(mutex);
    if (const auto known = asked.find(id); file && known != asked.end()) return known->second;
  }
  Proc::Result result = world.proc.look({binary, "-V"}, Millis(5000));
  const std::lock_guard lock(mutex);
  if (file && result.status == 0) asked[id] = result;
  return result;
}

std::string first_user(const World& world) {
  for (const char* user : {"openresty", "nginx", "www-data", "nobody"})
    if (world.env.user_exists(user)) return user;
  return {};
}

}  // namespace

NginxFacts nginx_facts(const std::string& binary, const World& world) {
  const Proc::Result result = built_with(binary, world);
  if (result.status != 0)
    throw Error(Exit::target, fmt::format("'{} -V' failed: {}", binary, why_failed(result)), how_to_install);
  NginxFacts facts;
  facts.binary = binary;
  facts.version = word_after(result.err, "nginx version: ");
  const auto has = [options = options_of(result.err)](const char* option) { return options.contains(option); };
  facts.lua_built_in = has_lua(result.err);
  facts.stream_built_in = has("--with-stream");
  facts.tls = has("--with-http_ssl_module");
  facts.http2 = has("--with-http_v2_module");
  facts.modules_path = word_after(result.err, "--modules-path=");
  if (facts.modules_path.empty()) facts.modules_path = word_after(result.err, "--prefix=") + "/modules";
  facts.lua_module = world.fs.exists(facts.modules_path + "/ngx_http_lua_module.so");
  facts.stream_module = world.fs.exists(facts.modules_path + "/ngx_stream_module.so");
  // openresty/1.27.1.1 is nginx 1.27.1
  facts.stderr_option = version_number(facts.version) >= 1019005;
  facts.http2_directive = version_number(facts.version) >= 1025001;
  facts.keepalive_min_timeout = version_number(facts.version) >= 1027004;
  return facts;
}

std::optional<std::string> find_nginx(const std::string& wanted, const World& world) {
  if (!wanted.empty()) return world.fs.find_program(wanted, "");
  const Config config = sound_config(world);
  if (const Setting* setting = config.find("nginx_binary")) {
    if (auto found = world.fs.find_program(setting->value.as_string(), "")) return found;
    throw Error(Exit::target,
                fmt::format("there is no program '{}' ({}: nginx_binary)", setting->value.as_string(), setting->origin),
                how_to_install);
  }
  const std::string path = world.env.get("PATH");
  if (auto found = world.fs.find_program("openresty", path)) return found;
  for (const char* prefix : {"/usr/local/openresty/nginx/sbin/nginx", "/opt/openresty/nginx/sbin/nginx",
                             "/usr/local/openresty/bin/openresty"})
    if (auto found = world.fs.find_program(prefix, "")) return found;
  return world.fs.find_program("nginx", path + ":/usr/sbin:/usr/local/sbin");
}

void require_trusted(const std::string& binary) {
  if (const auto found = distrust(binary))
    throw Error(Exit::refused, fmt::format("'{}' is not run: '{}' {}", binary, found->path, found->why),
                found->remedy + ", or choose another nginx");
}

Target find_target(const Value& spec, const World& world) {
  const Value& nginx = spec.at("nginx");
  const std::string wanted = nginx.find("binary") == nullptr ? "" : nginx.at("binary").as_string();
  const Policy policy = sound_config(world).policy;
  const auto require = [&](const char* field, const std::string& value, const std::optional<Refusal>& refusal) {
    if (refusal)
      throw Error(
          Exit::refused,
          fmt::format("{}: {}: \"{}\" {}; it is not run", spec.at("name").as_string(), field, value, refusal->text),
          refusal->hint);
  };
  if (!wanted.empty()) require("nginx.binary", wanted, refuse_binary(wanted, policy));
  const auto binary = find_nginx(wanted, world);
  if (!binary)
    throw Error(Exit::target,
                wanted.empty() ? "no OpenResty and no nginx is installed here"
                               : "there is no program '" + wanted + "' (field nginx.binary)",
                how_to_install);
  require_trusted(*binary);
  const NginxFacts facts = nginx_facts(*binary, world);
  if (!facts.lua_built_in && !facts.lua_module)
    throw Error(Exit::target,
                fmt::format("{} ({}) has no Lua module, neither built in nor in '{}'", *binary, facts.version,
                            facts.modules_path),
                how_to_install);

  check_listeners(spec, facts);

  Target target;
  target.binary = *binary;
  target.stderr_option = facts.stderr_option;
  target.http2_directive = facts.http2_directive;
  target.keepalive_min_timeout = facts.keepalive_min_timeout;
  if (!facts.lua_built_in) {
    for (const char* module : {"ndk_http_module.so", "ngx_http_lua_module.so"})
      if (world.fs.exists(facts.modules_path + "/" + module))
        target.modules.push_back(facts.modules_path + "/" + module);
  }
  if (!facts.stream_built_in && facts.stream_module)
    target.stream_modules.push_back(facts.modules_path + "/ngx_stream_module.so");
  // under systemd the master has no rights to give up: the unit names the user
  if (world.env.is_root() && world.supervision == Supervision::process) {
    // below --root the folders belong to the caller, and others may not even be able to enter them
    target.user = nginx.find("user") != nullptr ? nginx.at("user").as_string()
                  : world.layout.whole_host()   ? first_user(world)
                                                : "root";
    if (const Value* user = nginx.find("user"))
      require("nginx.user", user->as_string(), refuse_user(user->as_string(), policy));
    if (!world.env.user_exists(target.user))
      throw Error(Exit::target, fmt::format("there is no user '{}' here (field nginx.user)", target.user),
                  fmt::format("make it: useradd --system {}", target.user));
    target.group = world.env.group_of(target.user);
  }
  return target;
}

Ownership tree_ownership(const Value& spec, const World& world) {
  if (!has_process(spec)) return {};
  if (world.supervision == Supervision::process) return {};
  const std::string group = instance_user(spec);
  // of a version whose user is yet to be made, or is gone, nobody can own anything
  return {"root", world.env.user_exists(group) ? group : "", rights::group_folder, rights::group_folder};
}

}  // namespace orctl
