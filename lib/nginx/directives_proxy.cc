// Of directives.h: proxies.
#include "nginx/directives.h"

namespace orctl::nginx {
namespace {

const Why binds = {"sends from an address of the host that it chooses", "leave it out"};
const Why caches = {"writes files anywhere on the host", "caches are not part of an instance"};
const Why temporary = {"writes files anywhere on the host", "temporary files are in the instance's state folder"};
const Why answers = {"lets a server's answer say more than a server should", "leave it out"};

constexpr Level safe = Level::safe, high = Level::high, never = Level::never;

}  // namespace

// The modules that pass requests on, of http and of stream, and the servers they pass them to.
const std::vector<Group> proxy_directives = {
    {high, "addr", &sends, "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_pass pass"},
    {high, "text text?", &binds, "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_bind"},
    {safe, "flag", nullptr,
     "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_socket_keepalive "
     "{proxy,scgi,fastcgi,uwsgi}_{buffering,request_buffering,ignore_client_abort,pass_request_headers,"
     "pass_request_body,force_ranges,cache_lock,cache_revalidate,cache_background_update} "
     "{proxy,scgi,grpc,fastcgi,uwsgi}_intercept_errors proxy_pass_trailers proxy_cache_convert_head "
     "fastcgi_keep_conn proxy_half_close"},
    {safe, "time", nullptr,
     "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_{connect_timeout,send_timeout,read_timeout,"
     "next_upstream_timeout} {proxy,scgi,fastcgi,uwsgi}_cache_{lock_timeout,lock_age} proxy_timeout "
     "proxy_protocol_timeout preread_timeout"},
    {safe, "size", nullptr,
     "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_buffer_size "
     "{proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_{socket_rcvbuf,socket_sndbuf} {proxy,tunnel,fastcgi}_send_lowat "
     "{proxy,scgi,fastcgi,uwsgi}_{busy_buffers_size,cache_max_range_offset,max_temp_file_size,temp_file_write_size} "
     "proxy_downstream_buffer proxy_upstream_buffer preread_buffer_size"},
    {safe, "num size", nullptr, "{proxy,scgi,fastcgi,uwsgi}_buffers"},
    {safe, "num", nullptr,
     "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_next_upstream_tries memcached_gzip_flag "
     "proxy_headers_hash_{bucket,max}_size {proxy,scgi,fastcgi,uwsgi}_cache_min_uses uwsgi_modifier1 uwsgi_modifier2 "
     "proxy_requests proxy_responses"},
    {safe, "word+", nullptr,
     "{memcached,proxy,scgi,grpc,tunnel,fastcgi,uwsgi}_next_upstream "
     "{proxy,scgi,fastcgi,uwsgi}_{cache_use_stale,cache_methods}"},
    {safe, "name", nullptr, "{proxy,scgi,grpc,fastcgi,uwsgi}_hide_header"},
    // nginx obeys X-Accel-Redirect and the like of whoever answers
    {high, "word+", &answers, "{proxy,scgi,grpc,fastcgi,uwsgi}_{ignore_headers,pass_header}"},
    {safe, "word", nullptr, "proxy_http_version proxy_protocol proxy_method {proxy,scgi,fastcgi,uwsgi}_cache"},
    {safe, "field text", nullptr, "{proxy,grpc}_set_header"},
    {safe, "text text word?", nullptr, "{scgi,fastcgi,uwsgi}_param"},
    {safe, "text", nullptr,
     "proxy_set_body fastcgi_index fastcgi_catch_stderr fastcgi_split_path_info uwsgi_string "
     "{proxy,scgi,fastcgi,uwsgi}_{cache_key,limit_rate} proxy_upload_rate proxy_download_rate"},
    {safe, "text+", nullptr,
     "{proxy,scgi,fastcgi,uwsgi}_{cache_bypass,no_cache,cache_valid,store_access} "
     "proxy_{redirect,cookie_domain,cookie_path,cookie_flags}"},
    {safe, "off", &caches, "{proxy,scgi,fastcgi,uwsgi}_store"},
    {never, "", &caches, "{proxy,scgi,fastcgi,uwsgi}_cache_path"},
    {never, "", &temporary, "{proxy,scgi,fastcgi,uwsgi}_temp_path client_body_temp_path"},
    // upstream {}
    {high, "word", &sends, "upstream"},
    {high, "text+", &sends, "upstream_list"},
    {high, "text*", &sends, "hash ip_hash keepalive least_conn least_time random sticky balancer_keepalive"},
    {high, "zone", &sends, "zone"},
};

}  // namespace orctl::nginx
