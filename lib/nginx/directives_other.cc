// Of directives.h: main, events, stream, mail and modules of others.
#include "nginx/directives.h"

namespace orctl::nginx {

const Why sends = {"sends requests to hosts that no policy has looked at", "make an upstream and a route of it"};
const Why code = {"runs code", "leave it out"};
const Why changes_gateway = {"changes what the gateway's own Lua does", "leave it out"};

namespace {

const Why loads = {"loads native code, already when the configuration is tested",
                   "modules are chosen by orctl from what the host has"};
const Why engine = {"loads native code", "leave it out"};
const Why late = {"is loaded late, so old workers would run the new file",
                  "put the code into lua/NAME.lua and call require(\"NAME\") in a *_by_lua_block"};
const Why finds_lua = {"changes where the gateway finds its own Lua", "put modules into lua/"};
const Why cpath = {"loads native code", "put Lua modules into lua/"};
const Why from_disk = {"makes every request load Lua from disk", "leave it out"};
const Why environment = {"hands the environment of the caller to the workers", "leave it out"};
const Why ours = {"is set by orctl", "leave it out"};
const Why user = {"is set by orctl", "set nginx.user in the manifest"};
const Why top = {"belongs to the top of nginx.conf, which orctl writes", "see `orctl explain instance.nginx`"};
const Why mail = {"belongs to a block that an instance does not have", "leave it out"};
const Why imports = {"loads code from a file", "leave it out"};
const Why sizes = {"takes memory of the gateway's own", "leave it out"};

constexpr Level safe = Level::safe, high = Level::high, never = Level::never;

}  // namespace

const std::vector<Group> other_directives = {
    // ngx_lua
    {safe, "name size", &sizes, "lua_shared_dict"},
    {high, "", &code,
     "{init,init_worker,exit_worker,server_rewrite,rewrite,access,precontent,content,header_filter,body_filter,log,"
     "balancer,preread,ssl_certificate,ssl_client_hello,ssl_session_fetch,ssl_session_store,proxy_ssl_certificate,"
     "proxy_ssl_verify}_by_lua_block"},
    {high, "text", &code, "{init,init_worker,rewrite,access,content,header_filter,body_filter,log}_by_lua"},
    {high, "newvar text*", &code, "set_by_lua set_by_lua_block"},
    {high, "newvar", &code, "lua_add_variable"},
    {never, "", &late,
     "{init,init_worker,exit_worker,server_rewrite,rewrite,access,precontent,content,header_filter,body_filter,log,"
     "balancer,preread,ssl_certificate,ssl_client_hello,ssl_session_fetch,ssl_session_store,proxy_ssl_certificate,"
     "proxy_ssl_verify,set}_by_lua_file"},
    {high, "word+", &changes_gateway,
     "{access,rewrite,precontent,preread}_by_lua_no_postpone log_escape_non_ascii lua_capture_error_log "
     "lua_check_client_abort lua_http10_buffering "
     "lua_load_resty_core lua_malloc_trim lua_max_pending_timers lua_max_running_timers lua_need_request_body "
     "lua_regex_cache_max_entries lua_regex_match_limit lua_sa_restart lua_socket_buffer_size "
     "lua_socket_connect_timeout lua_socket_keepalive_timeout lua_socket_log_errors lua_socket_pool_size "
     "lua_socket_read_timeout lua_socket_send_lowat lua_socket_send_timeout lua_thread_cache_max_entries "
     "lua_transform_underscores_in_response_headers lua_use_default_type lua_worker_thread_vm_pool_size"},
    {never, "", &finds_lua, "lua_package_path"},
    {never, "", &cpath, "lua_package_cpath"},
    {never, "", &from_disk, "lua_code_cache"},
    // perl, njs
    {never, "", &code, "perl perl_modules perl_require perl_set"},
    {never, "", &imports, "js_import js_include js_path js_preload_object"},
    {high, "newvar text*", &code, "js_set js_var"},
    {high, "text+", &code,
     "js_access js_body_filter js_content js_context_reuse js_engine js_fetch_buffer_size js_fetch_ciphers "
     "js_fetch_max_response_buffer_size js_fetch_protocols js_fetch_timeout js_fetch_verify js_fetch_verify_depth "
     "js_filter js_header_filter js_periodic js_preread js_shared_dict_zone"},
    {high, "path", &code, "js_fetch_trusted_certificate"},
    // the top of nginx.conf, events
    {never, "", &loads, "load_module"},
    {never, "", &engine, "ssl_engine"},
    {never, "", &environment, "env"},
    {never, "", &ours, "pid lock_file working_directory"},
    {never, "", &user, "user"},
    {never, "", &top,
     "accept_mutex accept_mutex_delay acceptex_read daemon debug_connection debug_points devpoll_changes "
     "devpoll_events "
     "epoll_events events eventport_events google_perftools_profiles http iocp_threads kqueue_changes kqueue_events "
     "master_process multi_accept pcre_jit post_acceptex quic_bpf ssl_object_cache_inheritable stream thread_pool "
     "timer_resolution use worker_aio_requests worker_connections worker_cpu_affinity worker_priority "
     "worker_processes worker_rlimit_core worker_rlimit_nofile worker_shutdown_timeout"},
    // mail
    {never, "", &mail,
     "auth_http auth_http_header auth_http_pass_client_cert auth_http_timeout imap_auth imap_capabilities "
     "imap_client_buffer mail max_errors pop3_auth pop3_capabilities protocol proxy proxy_buffer "
     "proxy_pass_error_message proxy_smtp_auth smtp_auth smtp_capabilities smtp_client_buffer smtp_greeting_delay "
     "starttls timeout xclient"},
};

}  // namespace orctl::nginx
