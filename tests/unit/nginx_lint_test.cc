#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "nginx/config.h"

using namespace orctl::nginx;

namespace {

/// What no policy allows of a file laid over the tree, as places.
std::string places(const std::string& text) {
  std::string out;
  for (const Finding& f : check_overlay(text)) {
    CHECK_FALSE(f.text.empty());
    CHECK_FALSE(f.hint.empty());
    if (f.weight != Weight::forbidden) continue;
    out += std::to_string(f.line) + ":" + std::to_string(f.col) + " ";
  }
  return out;
}

/// The heaviest finding of a text: "forbidden", "risky", "unknown" or "safe".
std::string verdict(const std::string& text) {
  const auto found = check_overlay(text);
  for (const auto& [weight, name] : {std::pair(Weight::forbidden, "forbidden"), std::pair(Weight::unknown, "unknown"),
                                     std::pair(Weight::risky, "risky")})
    for (const Finding& f : found)
      if (f.weight == weight) return name;
  return "safe";
}

}  // namespace

TEST_CASE("each directive that reaches beyond the tree is found where it stands, at any depth") {
  for (const char* name : {"load_module",
                           "ssl_engine",
                           "include",
                           "content_by_lua_file",
                           "init_by_lua_file",
                           "set_by_lua_file",
                           "ssl_certificate_by_lua_file",
                           "lua_package_path",
                           "lua_package_cpath",
                           "lua_code_cache",
                           "env",
                           "perl",
                           "perl_modules",
                           "perl_require",
                           "perl_set",
                           "root",
                           "alias",
                           "error_log",
                           "access_log",
                           "pid",
                           "user"}) {
    const std::string line = std::string(name) + " /tmp/x;";
    CHECK_MESSAGE(places(line) == "1:1 ", line);
    CHECK_MESSAGE(places("server {\n  location / {\n    a; " + line + "\n  }\n}\n") == "3:8 ", line);
    CHECK_MESSAGE(places("\"" + std::string(name) + "\" x;") == "1:1 ", line);
    CHECK_MESSAGE(places("'" + std::string(name) + "'\n# c\nx;") == "1:1 ", line);
  }
}

TEST_CASE("all findings are given, in the order of the file") {
  CHECK(places("include a;\nserver {\n root /;\n}\nenv X;\n") == "1:1 3:2 5:1 ");
}

TEST_CASE("what only sounds like one of them is fine") {
  for (const char* text :
       {"server { listen 127.0.0.1:80; server_name include root; return 200 \"load_module /x;\"; }",
        "# include /etc/shadow;\n", "access_log off;", "map $a $b { default root; }",
        "content_by_lua_block { include = 1; root = '/' -- alias x;\n }", "set $root 1;", "includes x;"})
    CHECK_MESSAGE(places(text) == "", std::string(text));
}

// nginx has no "error_log off": it writes a file named "off" below the prefix, which is the tree.
TEST_CASE("error_log off is a file") { CHECK(places("server { error_log off; }") == "1:10 "); }

TEST_CASE("what stands in a map is a value, not a directive") {
  CHECK(places("map $arg_x $y {\n  user 1;\n  root 2;\n}\n") == "");
}

// nginx's map, geo and split_clients read files too.
TEST_CASE("an include inside a map is found") {
  CHECK(places("map $host $x {\n  include /etc/passwd;\n}\n") == "2:3 ");
}

TEST_CASE("the older directives that hold Lua in a string, and those that write or read anywhere, are found") {
  for (const char* text :
       {"proxy_cache_path /etc/x keys_zone=a:1m;", "proxy_store /etc/cron.d/x;", "client_body_temp_path /etc/x;",
        "proxy_temp_path /etc/x;", "ssl_certificate_key /etc/ssl/private/other.key;",
        "auth_basic_user_file /etc/shadow;", "ssl_password_file /etc/shadow;", "lua_ssl_trusted_certificate /etc/x;",
        "ssl_session_ticket_key /etc/x;", "dav_methods PUT;"})
    CHECK_MESSAGE(places(text) != "", std::string(text));
}

TEST_CASE("a fault of the syntax is a finding") {
  CHECK(places("server {\n listen 80\n}\n") == "3:1 ");
  CHECK(places("server {") == "1:9 ");
}

TEST_CASE("each directive that takes a path takes one inside the tree only, however it is spelled") {
  size_t tried = 0;
  for (const char* name :
       {"ssl_certificate", "ssl_certificate_key", "ssl_client_certificate", "ssl_trusted_certificate", "ssl_crl",
        "ssl_dhparam", "ssl_ech_file", "ssl_password_file", "ssl_session_ticket_key", "ssl_stapling_file",
        "quic_host_key", "proxy_ssl_certificate", "proxy_ssl_certificate_key", "proxy_ssl_password_file",
        "proxy_ssl_trusted_certificate", "proxy_ssl_crl", "grpc_ssl_certificate", "grpc_ssl_certificate_key",
        "grpc_ssl_crl", "grpc_ssl_password_file", "grpc_ssl_trusted_certificate", "uwsgi_ssl_certificate",
        "uwsgi_ssl_certificate_key", "uwsgi_ssl_crl", "uwsgi_ssl_password_file", "uwsgi_ssl_trusted_certificate",
        "lua_ssl_trusted_certificate", "lua_ssl_crl", "lua_ssl_certificate", "lua_ssl_certificate_key",
        "auth_basic_user_file", "auth_jwt_key_file", "geoip_country", "geoip_city", "geoip_org", "xslt_stylesheet",
        "xml_entities", "js_fetch_trusted_certificate",
        // what is no path there at all, or must not be one anywhere
        "root", "include", "client_body_temp_path", "proxy_temp_path", "proxy_cache_path", "proxy_store", "access_log",
        "error_log", "lua_ssl_key_log", "js_import", "js_path", "perl_modules", "load_module", "content_by_lua_file",
        // of modules that no table has
        "modsecurity_rules_file", "geoip2", "brotli_dictionary", "upload_store"}) {
    for (const char* path : {"/outside.pem", "\"/outside.pem\"", "'/outside.pem'", "../outside.pem",
                             "certs/../../outside.pem", "\"\\/../outside.pem\"", "file:/outside.pem", "data:$arg_x",
                             "unix:/run/other.sock", "engine:e:k", "store:file:/outside.pem", "syslog:server=10.0.0.1",
                             "$arg_x/../x", "${arg_x}/x/../y", "..", "\"..\\/../x\""}) {
      ++tried;
      CHECK_MESSAGE(verdict(std::string(name) + " " + path + ";") == "forbidden", std::string(name) << " " << path);
      CHECK_MESSAGE(verdict("server { location / { " + std::string(name) + "\n# c\n" + path + " ; } }") == "forbidden",
                    std::string(name) << " " << path);
    }
  }
  CHECK(tried > 500);
}

TEST_CASE("a command for OpenSSL passes when it takes no file") {
  for (const char* name : {"ssl_conf_command", "proxy_ssl_conf_command", "grpc_ssl_conf_command",
                           "uwsgi_ssl_conf_command", "lua_ssl_conf_command"}) {
    for (const char* command : {"Certificate certs/a.pem",
                                "PrivateKey certs/a.key",
                                "certificate /outside.pem",
                                "PRIVATEKEY /x",
                                "\"Certificate\" /x",
                                "ServerInfoFile /x",
                                "ChainCAFile /x",
                                "ChainCAPath /x",
                                "VerifyCAFile /x",
                                "VerifyCAPath /x",
                                "ChainCAStore file:/x",
                                "VerifyCAStore file:/x",
                                "RequestCAFile /x",
                                "ClientCAFile /x",
                                "RequestCAPath /x",
                                "RequestCAStore file:/x",
                                "DHParameters /x",
                                "Cert\\ificate /x",
                                "unheard_of /x",
                                "Options /x",
                                "Ciphersuites $arg_x",
                                "Options"})
      CHECK_MESSAGE(verdict(std::string(name) + " " + command + ";") == "forbidden", std::string(name)
                                                                                         << " " << command);
    for (const char* command : {"Ciphersuites TLS_AES_128_GCM_SHA256", "Options -SessionTicket", "MinProtocol TLSv1.2",
                                "Groups P-256:P-384", "SignatureAlgorithms ECDSA+SHA256"})
      CHECK_MESSAGE(places(std::string(name) + " " + command + ";") == "", std::string(name) << " " << command);
  }
}

TEST_CASE("what can only change how the instance answers its own requests needs no risk") {
  for (const char* text : {"client_max_body_size 8m;",
                           "gzip on; gzip_types text/css application/json;",
                           "map $http_x $shop { default 1; ~^a$ 2; }",
                           "geo $remote_addr $near { default 0; 10.0.0.0/8 1; }",
                           "add_header X-A $host always;",
                           "limit_req_zone $host zone=a:1m rate=5r/s;",
                           "ssl_certificate certs/site.pem;",
                           "ssl_protocols TLSv1.2 TLSv1.3;",
                           "proxy_set_header X-Shop $shop;",
                           "access_log off;",
                           "proxy_read_timeout 1h30m;",
                           "log_format mine '$remote_addr';",
                           "keepalive_timeout 5s 6s;",
                           "types { text/x x; }",
                           "split_clients $host $half { 50% a; * b; }",
                           "lua_shared_dict shop 1m;",
                           "proxy_store off;",
                           "# nothing\n",
                           "ssl_session_cache shared:SSL:1m;",
                           "auth_basic_user_file certs/htpasswd;",
                           "expires 1h;"})
    CHECK_MESSAGE(verdict(text) == "safe", std::string(text));
}

TEST_CASE(
    "what listens, sends, runs code or leads past the routes needs risk, and so does what is no value of its kind") {
  for (const char* text : {"server { }",
                           "proxy_pass http://10.0.0.1;",
                           "fastcgi_pass 10.0.0.1:9000;",
                           "grpc_pass grpc://x;",
                           "uwsgi_pass a:1;",
                           "scgi_pass a:1;",
                           "memcached_pass a:1;",
                           "tunnel_pass x;",
                           "pass 10.0.0.1:1;",
                           "mirror /x;",
                           "auth_request /x;",
                           "resolver 10.0.0.1;",
                           "upstream a { }",
                           "listen 80;",
                           "error_page 404 /x;",
                           "return 301 https://evil.example;",
                           "rewrite ^ https://evil.example;",
                           "ssl_stapling on;",
                           "ssl_ocsp on;",
                           "proxy_bind 10.0.0.1;",
                           "set_real_ip_from 0.0.0.0/0;",
                           "client_body_in_file_only on;",
                           "ssi on;",
                           "stub_status;",
                           "content_by_lua_block { }",
                           "content_by_lua 'x';",
                           "set_by_lua_block $a { }",
                           "js_content a.b;",
                           "lua_socket_log_errors on;",
                           "proxy_pass_header X-Accel-Redirect;",
                           "proxy_ignore_headers X-Accel-Redirect;",
                           "client_max_body_size 9000g;",
                           "limit_req_zone $host zone=a:9g rate=1r/s;",
                           "variables_hash_max_size 1000000000;",
                           "client_max_body_size $arg_x;",
                           "gzip maybe;",
                           "lua_shared_dict a 8g;",
                           "proxy_buffers 99999999 1m;",
                           "keepalive_timeout soon;"})
    CHECK_MESSAGE(verdict(text) == "risky", std::string(text));
}

TEST_CASE("a directive that no table has needs risk, is named, and a slip is told") {
  const auto found = check_overlay("map $a $b { x 1; }\n  client_max_body_sise 1m;\nmore_set_headers \"A: b\";\n");
  REQUIRE(found.size() == 2);
  CHECK((found[0].line == 2 && found[0].col == 3 && found[0].weight == Weight::unknown));
  CHECK(found[0].text.find("'client_max_body_sise'") == 0);
  CHECK(found[0].hint == "did you mean 'client_max_body_size'?");
  CHECK(found[1].text.find("'more_set_headers'") == 0);
}

// $orctl_shard names the pool of every request: whoever sets it chooses where requests go.
TEST_CASE("no variable of the gateway is set, in any way that nginx has") {
  for (const char* text :
       {"map $a $orctl_shard { }", "map $a $ORCTL_Shard { }", "geo $orctl_dollar { }", "geo $a $orctl_route { }",
        "set $orctl_host x;", "split_clients $a $orctl_shard { }", "set_by_lua_block $orctl_x { }",
        "auth_request_set $orctl_x $y;", "map $a ${orctl_x} { }", "map $a $b { \"~(?<orctl_shard>.*)\" 1; }",
        "map $a $b { \"~(?P<Orctl_shard>.*)\" 1; }", "map $a $b { \"~(?'orctl_shard'.*)\" 1; }",
        "server { server_name ~^(?<orctl_shard>.+)$; }", "server { location ~ /(?<orctl_shard>.+) { } }",
        "server { rewrite ^/(?<orctl_shard>.+)$ /x; }", "server { if ($host ~ (?<orctl_shard>.+)) { } }"})
    CHECK_MESSAGE(verdict(text) == "forbidden", std::string(text));
  CHECK(places("map $orctl_route $b { a 1; } log_format x '$orctl_route <orctl_x>';") == "");
}

TEST_CASE("a named capture sets a variable: one of the request is as risky as with set") {
  // some of these directives are risky by themselves: what counts is that the capture is told
  const auto told = [](const char* line) {
    const auto found = check_overlay(line);
    return std::any_of(found.begin(), found.end(), [](const Finding& f) {
      return f.weight == Weight::risky && f.text.find(" captures '$") != std::string::npos;
    });
  };
  for (const char* line :
       {"location ~ ^/(?<http_x>.*)$ { }", "location ~* ^/(?P<http_x>.*)$ { }", "location ~ \"^/(?'http_x'.*)$\" { }",
        "if ($uri ~ (a)(?<HTTP_Authorization>.*)) { }", "map $uri $mine { ~^/(?<cookie_a>.*)$ 1; }",
        "map $uri $mine { a 0; \"~(?:x|(?P<arg_q>y))\" 1; }", "server_name ~^(?<fine>a)(?<sent_http_x>.+)$;",
        "rewrite ^/(?<ssl_client_verify>.*)$ /x;", "location ~ \\(?<http_x>a { }", "valid_referers ~(?<args>x);",
        "proxy_redirect ~^(?<proxy_host>.*)$ /x;"}) {
    CAPTURE(line);
    CHECK(told(line));
  }
  for (const char* line : {"location ~ ^/(?<part>[^/]+)/(?<rest>.*)$ { }", "map $uri $mine { ~(?<x_http_>.*) 1; }",
                           "location ~ (?<=http_x)a { }", "location ~ (?<!http_x)a(?:<http_x>)? { }",
                           "log_format x '(<http_x> $http_x)';"}) {
    CAPTURE(line);
    CHECK_FALSE(told(line));
  }
  CHECK(verdict("map $uri $mine { ~^/(?<http_x>.*)$ 1; }") == "risky");
  CHECK(verdict("map $uri $mine { ~^/(?<mine_too>.*)$ 1; }") == "safe");
  CHECK(verdict("if ($uri ~ (?<part>.)) { }") == "safe");
}

TEST_CASE("what the gateway itself sends a server, and what it decides by, is not set without risk") {
  for (const char* text :
       {"proxy_set_header Host evil.internal;", "proxy_set_header X-Real-IP $http_x;",
        "proxy_set_header x-forwarded-for $http_x;", "proxy_set_header transfer-encoding chunked;",
        "proxy_set_header Connection x;", "grpc_set_header TE trailers;", "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Content-Length 5;", "map $uri $http_upgrade { default websocket; }",
        "map $uri $http_connection { default upgrade; }", "set $remote_addr 127.0.0.1;", "geo $arg_x { default 1; }",
        "map $a ${cookie_route} { default 1; }"})
    CHECK_MESSAGE(verdict(text) == "risky", std::string(text));
  CHECK(verdict("proxy_set_header X-Tier $my_tier;") == "safe");
  CHECK(verdict("map $uri $my_tier { default a; }") == "safe");
}

TEST_CASE("no unix socket of the host, and no path out of the folder, is named") {
  for (const char* text :
       {"proxy_pass http://unix:/run/x.sock;", "proxy_pass \"http://UNIX:/run/x.sock:/\";",
        "fastcgi_pass unix:/run/php.sock;", "grpc_pass grpc://unix:/x;", "server { listen unix:/run/x; }",
        "upstream a { server unix:/x; }", "pass unix:/x;", "resolver unix:/x;", "try_files /../../etc/passwd =404;",
        "index ../x;", "error_page 404 /../x;", "rewrite ^ /../x;", "if (-f /etc/shadow) { }",
        "if ( !-e \"/etc/shadow\" ) { }", "if (-d $arg_x) { }", "if (!-x ../x) { }"})
    CHECK_MESSAGE(verdict(text) == "forbidden", std::string(text));
}

TEST_CASE("Lua chunks keep the line numbers of their file") {
  const auto chunks =
      lua_chunks(parse("a;\nserver {\n  location / {\n    content_by_lua_block {\n      x()\n    }\n  "
                       "}\n}\nset_by_lua_block $a { y() }\n"));
  REQUIRE(chunks.size() == 2);
  CHECK(chunks[0].code == "\n\n\n\n      x()\n    ");
  CHECK(chunks[0].line == 4);
  CHECK(chunks[1].code.substr(0, 8) == "\n\n\n\n\n\n\n\n");
}

// The body of a block whose brace stands on a later line than its name is counted from the name.
TEST_CASE("Lua chunks keep their line numbers when the brace stands on a line of its own") {
  const auto chunks = lua_chunks(parse("content_by_lua_block\n{\n  x()\n}\n"));
  REQUIRE(chunks.size() == 1);
  CHECK(chunks[0].code == "\n\n  x()\n");
}
