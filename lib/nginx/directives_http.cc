// Of directives.h: http, without what proxies and TLS need.
#include "nginx/directives.h"

namespace orctl::nginx {
namespace {

const Why listens = {"belongs to a server that the manifest does not name",
                     "give the manifest a listener, routes and upstreams"};
const Why inner = {"leads requests past the gateway's routes", "make a route of it"};
const Why serves = {"serves files", "the instance serves upstreams; serve files from a server of their own"};
const Why host_files = {"serves files of the host",
                        "the instance serves upstreams; serve files from a server of their own"};
const Why puts = {"writes files", "leave it out"};
const Why logs = {"writes a file anywhere on the host", "logs are in the instance's log folder"};
const Why keeps = {"keeps the bodies of requests on the disk", "leave it out"};
const Why client_says = {"lets whoever it trusts say which address a client has", "name the proxies in the manifest"};
const Why native = {"has a library of its own read what a server or a file says", "leave it out"};
const Why reads = {"reads files from outside the tree", "put the text into this file, or another file of http.d/"};

constexpr Level safe = Level::safe, high = Level::high, never = Level::never;

}  // namespace

// What is safe can neither name a host, a listener or a file outside the tree, nor run code, nor lead a request to
// another place than the gateway's routes do. What it spoils is the instance's own.
const std::vector<Group> http_directives = {
    // core
    {safe, "flag", nullptr,
     "absolute_redirect aio_write chunked_transfer_encoding client_body_in_single_buffer etag ignore_invalid_headers "
     "log_not_found log_subrequest merge_slashes msie_padding msie_refresh open_file_cache_errors "
     "open_file_cache_events port_in_redirect recursive_error_pages reset_timedout_connection sendfile "
     "server_name_in_redirect tcp_nodelay tcp_nopush underscores_in_headers"},
    {safe, "size", nullptr,
     "client_body_buffer_size client_header_buffer_size client_max_body_size connection_pool_size directio_alignment "
     "postpone_output read_ahead request_pool_size send_lowat sendfile_max_chunk subrequest_output_buffer_size"},
    {safe, "time", nullptr,
     "auth_delay client_body_timeout client_header_timeout keepalive_min_timeout keepalive_time lingering_time "
     "lingering_timeout open_file_cache_valid resolver_timeout send_timeout"},
    {safe, "time time?", nullptr, "keepalive_timeout"},
    {safe, "num", nullptr,
     "keepalive_requests max_headers max_ranges open_file_cache_min_uses "
     "{server_names,types,variables,map,referer}_hash_"
     "{bucket,max}_size"},
    {safe, "num size", nullptr, "large_client_header_buffers output_buffers gunzip_buffers gzip_buffers"},
    {safe, "word", nullptr,
     "aio directio if_modified_since lingering_close satisfy server_tokens add_header_inherit add_trailer_inherit"},
    {safe, "word+", nullptr, "disable_symlinks keepalive_disable open_file_cache limit_except"},
    {safe, "text", nullptr, "default_type limit_rate limit_rate_after"},
    {safe, "text+", nullptr, "client_body_early_read early_hints"},
    {safe, "", nullptr, "types internal no_error_pages"},
    {high, "|addr text*", &listens, "server"},
    {high, "addr text*", &listens, "listen"},
    {high, "text text?", &listens, "location"},
    {high, "text+", &listens, "server_name"},
    {high, "word", &keeps, "client_body_in_file_only"},
    {high, "addr+", &sends, "resolver"},
    {high, "uri+", &inner, "error_page try_files index post_action"},
    {never, "", &host_files, "root alias"},
    {never, "", &reads, "include"},
    {safe, "off", &logs, "access_log"},
    {never, "", &logs, "error_log"},
    // log, map, geo, split_clients, types of text
    {safe, "word text+", nullptr, "log_format"},
    {safe, "word+", nullptr, "open_log_file_cache"},
    {safe, "text newvar", nullptr, "map split_clients"},
    {safe, "newvar|text newvar", nullptr, "geo"},
    {safe, "word word", nullptr, "charset_map"},
    {safe, "text", nullptr, "charset source_charset"},
    {safe, "flag", nullptr, "override_charset"},
    // headers, compression, text, ranges
    {safe, "name text word?", nullptr, "add_header add_trailer"},
    {safe, "text text?", nullptr, "expires"},
    {safe, "flag", nullptr, "gunzip gzip gzip_no_buffer gzip_vary sub_filter_last_modified sub_filter_once"},
    {safe, "size", nullptr, "gzip_hash gzip_min_length gzip_window postpone_gzipping slice"},
    {safe, "num", nullptr, "gzip_comp_level"},
    {safe, "word", nullptr, "gzip_http_version gzip_static"},
    {safe, "text+", nullptr,
     "gzip_disable gzip_proxied gzip_types charset_types sub_filter_types addition_types modern_browser "
     "ancient_browser "
     "modern_browser_value ancient_browser_value valid_referers"},
    {safe, "text text", nullptr, "sub_filter"},
    // limits and access
    {safe, "word", nullptr, "allow deny {limit_conn,limit_req}_log_level"},
    {safe, "flag", nullptr, "{limit_conn,limit_req}_dry_run"},
    {safe, "num", nullptr, "{limit_conn,limit_req}_status"},
    {safe, "text zone", nullptr, "limit_conn_zone"},
    {safe, "text zone word*", nullptr, "limit_req_zone"},
    {safe, "word num", nullptr, "limit_conn"},
    {safe, "word+", nullptr, "limit_req"},
    {safe, "text", nullptr, "auth_basic secure_link secure_link_md5 secure_link_secret"},
    {safe, "path", nullptr, "auth_basic_user_file auth_jwt_key_file"},
    {safe, "text+", nullptr,
     "{userid,userid_domain,userid_expires,userid_flags,userid_mark,userid_name,userid_p3p,"
     "userid_path,userid_service}"},
    {high, "text", &client_says, "set_real_ip_from real_ip_header"},
    {high, "flag", &client_says, "real_ip_recursive"},
    // http/2, http/3
    {safe, "flag", nullptr, "http2 http3 http3_hq http2_push_preload quic_gso quic_retry"},
    {safe, "text", nullptr, "http2_push"},
    {safe, "size", nullptr,
     "http2_body_preread_size http2_chunk_size http2_pool_size http2_recv_buffer_size http2_max_field_size "
     "http2_max_header_size http3_stream_buffer_size"},
    {safe, "num", nullptr,
     "http2_max_concurrent_pushes http2_max_concurrent_streams http2_max_requests http2_streams_index_size "
     "http3_max_concurrent_streams quic_active_connection_id_limit"},
    {safe, "time", nullptr, "http2_idle_timeout http2_recv_timeout"},
    // rewrite
    {safe, "", nullptr, "break empty_gif"},
    {safe, "flag", nullptr, "rewrite_log uninitialized_variable_warn"},
    {safe, "newvar text", nullptr, "set"},
    {safe, "cond", nullptr, "if"},
    {high, "text uri word?", &inner, "rewrite"},
    {high, "uri uri?", &inner, "return"},
    // requests inside requests
    {high, "uri", &inner, "add_after_body add_before_body auth_request mirror"},
    {high, "newvar text", &inner, "auth_request_set"},
    {high, "flag", &inner, "mirror_request_body ssi ssi_ignore_recycled_buffers ssi_last_modified ssi_silent_errors"},
    {high, "text+", &inner, "ssi_min_file_chunk ssi_types ssi_value_length"},
    // files and their formats
    {high, "word*", &serves,
     "autoindex autoindex_exact_size autoindex_format autoindex_localtime random_index flv mp4 mp4_buffer_size "
     "mp4_max_buffer_size mp4_start_key_frame stub_status degradation degrade"},
    {never, "", &puts, "create_full_put_path dav_access dav_methods min_delete_depth"},
    {high, "path text*", &native, "geoip_city geoip_country geoip_org xml_entities xslt_stylesheet"},
    {high, "text+", &native,
     "geoip_proxy geoip_proxy_recursive image_filter image_filter_buffer image_filter_interlace "
     "image_filter_jpeg_quality image_filter_sharpen image_filter_transparency image_filter_webp_quality xslt_param "
     "xslt_string_param xslt_types xslt_last_modified"},
    {never, "", &native, "xml_external_entities"},
};

}  // namespace orctl::nginx
