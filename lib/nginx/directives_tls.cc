// Of directives.h: TLS.
#include "nginx/directives.h"

namespace orctl::nginx {
namespace {

const Why asks = {"has nginx ask the host that a certificate names", "leave it out"};
const Why spies = {"writes the keys of connections into a file", "leave it out"};

constexpr Level safe = Level::safe, high = Level::high, never = Level::never;

}  // namespace

const std::vector<Group> tls_directives = {
    {safe, "path", nullptr,
     "ssl_certificate ssl_certificate_key ssl_client_certificate ssl_crl ssl_dhparam ssl_ech_file ssl_password_file "
     "ssl_session_ticket_key ssl_stapling_file ssl_trusted_certificate quic_host_key "
     "{proxy,grpc,uwsgi}_ssl_{certificate,certificate_key,crl,password_file,trusted_certificate}"},
    {safe, "conf", nullptr, "ssl_conf_command {proxy,grpc,uwsgi}_ssl_conf_command"},
    {safe, "flag", nullptr,
     "ssl ssl_certificate_compression ssl_early_data ssl_prefer_server_ciphers ssl_preread ssl_reject_handshake "
     "ssl_session_tickets ssl_stapling_verify {proxy,grpc,uwsgi}_ssl_{server_name,session_reuse,verify} proxy_ssl"},
    {safe, "num", nullptr, "ssl_verify_depth {proxy,grpc,uwsgi}_ssl_verify_depth"},
    {safe, "size", nullptr, "ssl_buffer_size"},
    {safe, "time", nullptr, "ssl_handshake_timeout ssl_session_timeout"},
    {safe, "word", nullptr, "ssl_ciphers ssl_ecdh_curve ssl_verify_client {proxy,grpc,uwsgi}_ssl_ciphers"},
    {safe, "text", nullptr, "{proxy,grpc,uwsgi}_ssl_name"},
    {safe, "word+", nullptr,
     "ssl_alpn ssl_certificate_cache ssl_protocols ssl_session_cache ssl_ocsp_cache proxy_ssl_alpn "
     "{proxy,grpc,uwsgi}_ssl_{protocols,certificate_cache}"},
    {high, "word", &asks, "ssl_stapling ssl_ocsp"},
    {high, "addr", &asks, "ssl_stapling_responder ssl_ocsp_responder"},
    // What the gateway's own Lua says to Redis and to servers.
    {high, "path", &changes_gateway,
     "lua_ssl_certificate lua_ssl_certificate_key lua_ssl_crl lua_ssl_trusted_certificate"},
    {high, "conf", &changes_gateway, "lua_ssl_conf_command"},
    {high, "word+", &changes_gateway,
     "lua_ssl_ciphers lua_ssl_protocols lua_ssl_verify_depth lua_upstream_skip_openssl_default_verify"},
    {never, "", &spies, "lua_ssl_key_log"},
};

}  // namespace orctl::nginx
