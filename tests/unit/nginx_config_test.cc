#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "nginx/config.h"

using namespace orctl::nginx;

namespace {

constexpr unsigned seed = 20261121;

/// A tree as it reads back: a literal `$` has become a variable that holds one.
Config as_read(Config config) {
  for (Directive& d : config) {
    for (Arg& arg : d.args) {
      for (size_t at = arg.text.find('$'); !arg.variables && at != std::string::npos; at = arg.text.find('$', at + 1))
        arg.text.replace(at, 1, "${orctl_dollar}");
      arg.variables = true;
    }
    d.block = as_read(std::move(d.block));
  }
  return config;
}

std::string random_text(std::mt19937& r, std::string_view alphabet, size_t longest) {
  std::string out;
  for (size_t n = r() % (longest + 1); n > 0; --n)
    out += alphabet.empty() ? static_cast<char>(r() % 256) : alphabet[r() % alphabet.size()];
  for (char& c : out)
    if (c == '\0' || c == '\n' || c == '\r') c = '.';
  return out;
}

Config random_config(std::mt19937& r, int depth) {
  static const std::string hostile = "\"'\\${};# \t%ab01~()[]=*^";
  Config out;
  for (unsigned n = r() % 4 + (depth == 0); n > 0; --n) {
    Directive d;
    d.name = r() % 3 == 0 ? "x" + random_text(r, hostile, 4) : "directive";
    for (unsigned args = r() % 4; args > 0; --args)
      d.args.push_back({random_text(r, r() % 2 == 0 ? hostile : std::string_view(), 12), false});
    if (r() % 8 == 0) {
      d.name = "content_by_lua_block";
      d.args.clear();
      d.has_block = true;
      d.lua = std::vector<std::string>{"",
                                       " x = {} ",
                                       " s = \"}\" ",
                                       " s = '}{' -- }\n ",
                                       " s = [[ } ]] ",
                                       " s = [==[ ]] } ]==] ",
                                       " --[[ } \n ]] t = { { } } ",
                                       " s = '\\'}' "}[r() % 8];
    } else if (depth < 4 && r() % 3 == 0) {
      d.has_block = true;
      d.block = random_config(r, depth + 1);
    }
    out.push_back(std::move(d));
  }
  return out;
}

/// Names and arguments of a text, one line a directive, as nginx sees them.
std::string told(const Config& config, const std::string& indent = "") {
  std::string out;
  for (const Directive& d : config) {
    out += indent + d.name;
    for (const Arg& arg : d.args) out += " [" + arg.text + "]";
    if (d.is_lua()) out += " lua{" + d.lua + "}";
    out += "\n" + told(d.block, indent + "  ");
  }
  return out;
}
std::string told(const std::string& text) { return told(parse(text)); }

std::string fault_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Fault& fault) {
    return std::to_string(fault.line) + ":" + std::to_string(fault.col);
  }
  return "none";
}

}  // namespace

TEST_CASE("what is written reads back as the tree that was meant, whatever bytes it holds") {
  std::mt19937 random(seed);
  for (int n = 0; n < 3000; ++n) {
    const Config config = random_config(random, 0);
    const std::string text = write(config);
    CAPTURE(text);
    REQUIRE(parse(text) == as_read(config));
    REQUIRE(write(parse(text)) == text);
  }
}

TEST_CASE("every single byte survives as a value, alone and inside") {
  for (int c = 1; c < 256; ++c) {
    if (c == '\n' || c == '\r') continue;
    for (const std::string& text :
         {std::string(1, static_cast<char>(c)), "a" + std::string(1, static_cast<char>(c)) + "b"}) {
      const Config config = {{"x", {{text, false}}}};
      REQUIRE(parse(write(config)) == as_read(config));
    }
  }
}

TEST_CASE("a NUL or a line break cannot be written") {
  for (const std::string& bad : {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3)}) {
    CHECK_THROWS_AS(write({{"x", {{bad, false}}}}), Fault);
    CHECK_THROWS_AS(write({{bad, {}}}), Fault);
  }
}

TEST_CASE("a dollar is a variable only where the program says so") {
  CHECK(quote({"$host", true}) == "$host");
  CHECK(quote({"$host", false}) == "\"${orctl_dollar}host\"");
  CHECK(quote({"", false}) == "\"\"");
  CHECK(quote({"a\"b\\c", false}) == "\"a\\\"b\\\\c\"");
  CHECK(quote({"10.0.0.1:80", false}) == "10.0.0.1:80");
}

TEST_CASE("tokens are nginx's own: quotes, backslashes, comments, braces in variables") {
  CHECK(told("a b;c d e ;") == "a [b]\nc [d] [e]\n");
  CHECK(told("a 'b c' \"d;e\" f\\ g;") == "a [b c] [d;e] [f\\ g]\n");
  CHECK(told("a \"x\\\"y\" '\\'' \"\\t\\n\\r\\q\";") == "a [x\"y] ['] [\t\n\r\\q]\n");
  CHECK(told("# c ; { }\na b; # d\n#") == "a [b]\n");
  CHECK(told("a b#c;") == "a [b#c]\n");
  CHECK(told("a ${b}c x${d};") == "a [${b}c] [x${d}]\n");
  CHECK(told("a b}c;") == "a [b}c]\n");
  CHECK(told("a{b c;}d;") == "a\n  b [c]\nd\n");
  CHECK(told("if ($a = \"b\") { c; }") == "if [($a] [=] [b] [)]\n  c\n");
  CHECK(told("a\n\tb\r\n;") == "a [b]\n");
  CHECK(told("\"a\" b;") == "a [b]\n");
  CHECK(told("") == "");
}

TEST_CASE("syntax errors say where") {
  CHECK(fault_of("a b") == "1:4");
  CHECK(fault_of("a {\n b;\n") == "3:1");
  CHECK(fault_of("a;\n}") == "2:1");
  CHECK(fault_of("a 'b") == "1:5");
  CHECK(fault_of("a 'b'c;") == "1:6");
  CHECK(fault_of("{ a; }") == "1:1");
  CHECK(fault_of(";") == "1:1");
  CHECK(fault_of("a b }") == "1:5");
  CHECK(fault_of("x_by_lua_block { \"a }") != "none");
  CHECK(fault_of("x_by_lua_block { [[ } ") != "none");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "a{";
  CHECK(fault_of(deep) != "none");
}

TEST_CASE("a Lua block ends at its own brace, past strings, long brackets and comments") {
  const auto lua = [](const std::string& body) { return told("content_by_lua_block {" + body + "} after;"); };
  for (const char* body : {" x = { a = { 1 } } ", " s = \"}\" ", " s = '{' ", " s = \"\\\"}\" ", " s = [[ }}} ]] ",
                           " s = [=[ ]] } ]=] ", " -- } it's \n", " --[[ } ' ]] ", " --[==[ }\n ]] ]==] ",
                           " t[ [[}]] ] = 1 ", " x = a[b[1]] ", " s = '\\\\' t = '}' ", " x = 5 - -3 "})
    CHECK(lua(body) == "content_by_lua_block lua{" + std::string(body) + "}\nafter\n");
  CHECK(told("set_by_lua_block $x { return \"}\" }") == "set_by_lua_block [$x] lua{ return \"}\" }\n");
  CHECK(told("content_by_lua 'return \"}\"';") == "content_by_lua [return \"}\"]\n");
}

TEST_CASE("places are of the directive's first character") {
  const Config config = parse("a;\n  b {\n\n    c d;\n}\n");
  CHECK((config[1].line == 2 && config[1].col == 3));
  CHECK((config[1].block[0].line == 4 && config[1].block[0].col == 5));
}

TEST_CASE("100,000 mutated configurations are read or refused") {
  std::mt19937 random(seed);
  const std::string good =
      "load_module a.so; # c\nhttp { server { listen 80; location ~ ^/(a|b)$ { return 200 \"x${y}\\\"\"; "
      "content_by_lua_block { s = [==[ } ]==] -- }\n t = {'}'} } } } map $a $b { default ''; } }\n";
  const std::string bytes = "\"'\\${};#[]=-\n\t ()%ab\0\xff";
  int read = 0;
  for (int n = 0; n < 100000; ++n) {
    std::string text = good;
    for (unsigned edits = random() % 6 + 1; edits > 0; --edits) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = bytes[random() % bytes.size()];
          break;
        case 1:
          text.erase(at, random() % 30);
          break;
        default:
          text.insert(at, 1, bytes[random() % bytes.size()]);
      }
      if (text.empty()) text = "x";
    }
    try {
      parse(text);
      check_overlay(text);
      ++read;
    } catch (const Fault&) {
    }
  }
  CHECK(read > 1000);
}

// Were one of them read in quadratic time, this would not end.
TEST_CASE("a megabyte of any one thing is read or refused") {
  const auto many = [](std::string_view part) {
    std::string out;
    while (out.size() < (size_t{1} << 20)) out += part;
    return out;
  };
  for (const char* part : {"a b;", "\\", "\"", "$", "${", "a{", "}", "#", "[", "[=", "a", " "})
    CHECK_NOTHROW_MESSAGE(check_overlay(many(part)), std::string(part));
  for (const char* part : {"[=", "[", "--[=", "'", "\\", "{", "-", "]="})
    CHECK_NOTHROW_MESSAGE(check_overlay("x_by_lua_block {" + many(part)), std::string(part));
}
