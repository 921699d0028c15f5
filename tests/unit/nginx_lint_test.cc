#include <doctest/doctest.h>

#include "nginx/config.h"

using namespace orctl::nginx;

namespace {

/// The findings of a file laid over the tree, as places.
std::string places(const std::string& text) {
  std::string out;
  for (const Finding& f : check_overlay(text)) {
    CHECK_FALSE(f.text.empty());
    CHECK_FALSE(f.hint.empty());
    out += std::to_string(f.line) + ":" + std::to_string(f.col) + " ";
  }
  return out;
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
