#include "render/tls_conf.h"

#include <fmt/format.h>

#include "model/listener.h"
#include "render/directives.h"

namespace orctl {

bool has_http2(const Value& listener) {
  const Value* http2 = listener.find("http2");
  return listener.at("protocol").as_string() == "https" && http2 != nullptr && http2->as_bool();
}

std::vector<nginx::Arg> listen_args(const Value& listener, bool http2_directive) {
  std::vector<nginx::Arg> args = {
      text(fmt::format("{}:{}", listener.at("address").as_string(), listener.at("port").as_int())),
      text("default_server")};
  if (listener.at("protocol").as_string() != "https") return args;
  args.push_back(text("ssl"));
  if (has_http2(listener) && !http2_directive) args.push_back(text("http2"));
  return args;
}

nginx::Config tls(const Instance& instance) {
  if (!has_https(instance)) return {};
  const Value& first = instance.list("certificate").front();
  return {
      // nginx wants one to start with; every handshake gets its own from Lua, so it is served by none
      directive("ssl_certificate", {text(first.at("certificate").as_string())}),
      directive("ssl_certificate_key", {text(first.at("key").as_string())}),
      lua("ssl_certificate", "require(\"orctl.init\").certificate()"),
      fixed("ssl_protocols", {"TLSv1.2", "TLSv1.3"}),
      // of TLS 1.2 those with forward secrecy and authenticated encryption; TLS 1.3 has no others
      fixed("ssl_ciphers", {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                            "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"}),
      fixed("ssl_prefer_server_ciphers", {"off"}),
      fixed("ssl_session_cache", {"shared:orctl_tls:10m"}),
      fixed("ssl_session_timeout", {"1h"}),
  };
}

nginx::Config tls_admin(const Instance& instance, const char* handler) {
  if (!has_https(instance)) return {};
  // in memory whatever its size: keys must not get into a temporary file
  return {block("location", {text("="), text("/v1/certs")},
                {fixed("client_max_body_size", {"16m"}), fixed("client_body_buffer_size", {"16m"}),
                 lua("content", fmt::format("require(\"orctl.init\").{}()", handler))})};
}

}  // namespace orctl
