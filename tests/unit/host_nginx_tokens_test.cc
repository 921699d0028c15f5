#include <doctest/doctest.h>

#include <map>

#include "base/text.h"
#include "nginx/config.h"
#include "real_nginx.h"
#include "samples.h"
#include "sys_scratch.h"

// The check of overlays is worth as much as its reader is nginx's: real nginx tells here which tokens and which
// directive it saw, and both must be the same. What we refuse and nginx takes is only a nuisance.
using namespace orctl;
using namespace orctl::test;
using nginx::Config;
using nginx::Directive;

namespace {

/// `nginx -t` of one text after another.
class Judge {
 public:
  Judge() : world_({}, folder_.path()), nginx_(world_) {}

  /// What nginx says of `http`, the inside of its http block.
  std::string test(const std::string& http) {
    write("conf", nginx_.modules + "pid " + folder_ / "pid;\nevents {}\nhttp {\n" + http + "}\n");
    return world_.proc
        .run({nginx_.facts.binary, "-t", "-e", "stderr", "-p", folder_.path(), "-c", folder_ / "conf"}, Millis(20000))
        .err;
  }
  void write(const std::string& name, const std::string& text) { world_.fs.write(folder_ / name, text); }

 private:
  Scratch folder_;
  World world_;
  RealNginx nginx_;
};

std::optional<Config> read(const std::string& text) {
  try {
    return nginx::parse(text);
  } catch (const nginx::Fault&) {
    return std::nullopt;
  }
}

/// What `types` says about every token of `config` when it reads the same text twice: each extension is there already.
std::string told_twice(const Config& config) {
  std::map<std::string, std::string> types;
  std::string out;
  for (int time = 0; time < 2; ++time)
    for (const Directive& d : config)
      for (const nginx::Arg& arg : d.args) {
        const std::string extension = lower(arg.text);
        if (const auto known = types.find(extension); known != types.end())
          out += "duplicate extension \"" + extension + "\", content type: \"" + d.name +
                 "\", previous content type: \"" + known->second + "\"\n";
        types[extension] = d.name;
      }
  return out;
}

/// The same of nginx's words, without the places.
std::string duplicates_in(const std::string& err) {
  std::string out;
  for (size_t at = err.find("duplicate extension"); at != std::string::npos;) {
    const size_t end = err.find("\" in /", at);
    out += err.substr(at, end + 1 - at) + "\n";
    at = err.find("duplicate extension", end);
  }
  return out;
}

std::string soup(Random& r, const std::vector<std::string>& pieces, size_t most) {
  std::string out;
  for (size_t n = r.below(most) + 1; n > 0; --n) out += pieces[r.below(pieces.size())];
  return out;
}

const std::vector<std::string> config_pieces = {"a",    "b c", "\"",  "\"",  "'",    "'",   "\\",    "\\\\",
                                                "\\\"", "\\'", "\\n", "\\t", "\\;",  "\\{", "$",     "${",
                                                "{",    "}",   "#",   ";",   "; ",   " ",   " ",     "\n",
                                                "\r",   "\t",  ")",   "(",   "\\\n", "\v",  "\f",    "\xef\xbb\xbf",
                                                "$$",   "${{", "~",   "d",   "e f",  "\\r", "\\\\n", "x y",
                                                "$a",   "=",   "\" ", "' ",  ";#",   "#;",  "\\ ",   "\xc2\xa0"};

const std::vector<std::string> lua_pieces = {"x",    " ",     "\n",   "{",  "}",         "\"",     "'",     "\\",
                                             "\\\"", "--",    "--[[", "]]", "[[",        "[=[",    "]=]",   "[==[",
                                             "]=",   "[=",    "[",    "]",  "-",         "--[=[",  "\"}\"", "'{'",
                                             "a b",  "--[==", "\r",   "#",  ";",         "-- }\n", "\\\n",  "\\'",
                                             "\\\\", "]==]",  "--[",  "{}", "\"\\\"}\"", "\v",     "\xff"};

/// The first directive behind the Lua block that nginx sees, as it does not know it; empty when it says something else.
std::string unknown_in(const std::string& err) {
  const std::string words = "unknown directive \"";
  const size_t at = err.find(words);
  if (at == std::string::npos) return "";
  const size_t begin = at + words.size();
  return err.substr(begin, err.find("\" in /", begin) - begin);
}

/// False for what parse() refuses.
bool compare_lua(Judge& judge, const std::string& text) {
  const auto config = read(text);
  if (!config || config->size() < 2 || !config->front().args.empty()) return false;
  const std::string seen = unknown_in(judge.test("include lua.conf;\n"));
  CAPTURE(text);
  REQUIRE(seen == (*config)[1].name);
  return true;
}

}  // namespace

TEST_CASE("real nginx sees the tokens that parse() sees, whatever quotes, backslashes, braces and comments are mixed") {
  Random random(41);
  Judge judge;
  size_t compared = 0, refused = 0;
  for (int round = 0; round < 40; ++round) {
    std::string all;
    for (int n = 0; n < 200; ++n) {
      std::string text = soup(random, config_pieces, 14);
      if (random.chance(70)) text += ";";
      const auto config = read(text);
      const auto blocks = [](const Directive& d) { return d.has_block; };
      if (!config || std::any_of(config->begin(), config->end(), blocks)) {
        ++refused;
        continue;
      }
      all += text + "\n";
      compared += config->size();
    }
    const auto config = read(all);
    REQUIRE(config.has_value());
    judge.write("one", all);
    judge.write("two", all);
    const std::string err = judge.test("types_hash_max_size 65536;\ntypes { include one; include two; }\n");
    CAPTURE(all);
    CAPTURE(err.substr(0, 600));
    REQUIRE(duplicates_in(err) == told_twice(*config));
  }
  CHECK(compared > 1000);
  CHECK(refused > 100);
}

TEST_CASE("real nginx refuses or takes a block where parse() does") {
  Judge judge;
  for (const char* text :
       {"a ${{", "a ${{ b; }", "a $${ { c; }", "a \\${ b; }", "a \"$\"{ b; }", "a $ { b; }", "a ${b}{ c; }",
        "a '$'{ b; }", "a ${{{{}; b;", "a $\\{ b;", "a $a{ b; }", "${{ b; }", "a \"b\"{ c; }", "a b{c;}"}) {
    const auto config = read(text);
    judge.write("one", text);
    const std::string err = judge.test("types { include one; }\n");
    CAPTURE(text);
    CAPTURE(err);
    const bool block = err.find("unexpected \"{\"") != std::string::npos;
    if (config)
      CHECK(config->front().has_block == block);
    else
      CHECK(err.find("unexpected ") != std::string::npos);
  }
}

TEST_CASE("real nginx sees a Lua block end where parse() sees it end") {
  Random random(42);
  Judge judge;
  size_t compared = 0;
  for (int n = 0; n < 600; ++n) {
    const std::string text = "access_by_lua_block {" + soup(random, lua_pieces, 18) + "} after_" + std::to_string(n) +
                             " x; } ; \" ' ]] ]=] ]==] \n } last_one x;\n";
    judge.write("lua.conf", text);
    if (compare_lua(judge, text)) ++compared;
  }
  CHECK(compared > 200);
}

// nginx reads 4,096 bytes at a time, and its reader of Lua forgets what it has begun at the end of them.
TEST_CASE("the end of nginx's buffer hides no end of a Lua block") {
  Judge judge;
  const std::string line = "f() {" + std::string(61, 'x') + "}\n", stretch = std::string(1900, 'x') + "''\n";
  size_t compared = 0;
  for (const char* piece : {"\"}\"", "--[[ } ]]", "[==[ } ]==]", "'\\'}'", "-- }\n", "{}"})
    for (const std::string& filler : {line, stretch, std::string("x")})
      for (size_t before = 3990; before < 4085; before += 4) {
        std::string body;
        while (body.size() + filler.size() < before) body += filler;
        body.resize(before, ' ');
        const std::string text =
            "access_by_lua_block {" + body + piece + " } after x;\n" + std::string(3000, '\n') + "last_one x;\n";
        judge.write("lua.conf", text);
        if (compare_lua(judge, text)) ++compared;
        CHECK((filler == "x") == !read(text).has_value());
      }
  CHECK(compared > 250);
}
