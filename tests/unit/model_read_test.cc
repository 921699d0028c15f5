#include <doctest/doctest.h>

#include "model/read.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

std::string at(Place p) { return std::to_string(p.line) + ":" + std::to_string(p.col); }

/// Each node with its place, and each key with its own: "list[0] 3:9", "list key 3:1".
void places(const Value& v, const std::string& path, std::string& out) {
  out += (path.empty() ? "." : path) + " " + at(v.place) + "\n";
  if (v.is_array())
    for (size_t i = 0; i < v.items().size(); ++i) places(v.items()[i], path + "[" + std::to_string(i) + "]", out);
  if (!v.is_object()) return;
  for (const auto& m : v.members()) {
    const std::string inner = path.empty() ? m.key : path + "." + m.key;
    out += inner + " key " + at(m.key_place) + "\n";
    places(m.value, inner, out);
  }
}

Value read(const std::string& file, const std::string& text) {
  Diagnostics found;
  auto value = read_document({file, text}, found);
  REQUIRE_MESSAGE(value.has_value(), all_texts(found));
  return *value;
}
std::string places_in(const std::string& file, const std::string& text) {
  std::string out;
  places(read(file, text), "", out);
  return out;
}

/// The one fault of a text, as "code line:col".
std::string fault_of(const std::string& file, const std::string& text) {
  Diagnostics found;
  const auto value = read_document({file, text}, found);
  REQUIRE_FALSE(value.has_value());
  REQUIRE(found.size() == 1);
  CHECK(found[0].file == file);
  CHECK_FALSE(found[0].text.empty());
  CHECK_FALSE(found[0].hint.empty());
  if (found[0].place.line != 0) CHECK(found[0].source_line == line_of(text, found[0].place.line));
  return found[0].code + " " + at(found[0].place);
}

std::string nested(int depth, const char* open, const char* close) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += open;
  for (int i = 0; i < depth; ++i) out += close;
  return out;
}

}  // namespace

TEST_CASE("JSON: every kind of node has its place, in characters, past UTF-8 and escapes") {
  CHECK(places_in("a.json",
                  "{\n"
                  "  \"k\u00e4\u00e4\": \"v\", \"n\": null,\n"
                  "\t\"e\\\"\\\\\\u00e9\": [ \"a\\\"b\\\\\", -1.5e+3,true , false,{}, [] ],\n"
                  "  \"\U0001f600\":{\"x\" : 12}}\n") ==
        ". 1:1\n"
        "k\u00e4\u00e4 key 2:3\nk\u00e4\u00e4 2:10\n"
        "n key 2:15\nn 2:20\n"
        "e\"\\\u00e9 key 3:2\ne\"\\\u00e9 3:17\n"
        "e\"\\\u00e9[0] 3:19\ne\"\\\u00e9[1] 3:29\ne\"\\\u00e9[2] 3:37\ne\"\\\u00e9[3] 3:44\ne\"\\\u00e9[4] "
        "3:50\ne\"\\\u00e9[5] 3:54\n"
        "\U0001f600 key 4:3\n\U0001f600 4:7\n\U0001f600.x key 4:8\n\U0001f600.x 4:14\n");
}

TEST_CASE("TOML: every kind of node has its place, in characters, past UTF-8") {
  CHECK(places_in("a.toml",
                  "# \u00e4\n"
                  "\"k\u00e4\u00e4\" = \"v\u00e9\" # x\n"
                  "n = -1_000\n"
                  "[t]\n"
                  "f = 1.5\n"
                  "  b.c = true\n"
                  "list = [ \"\u00e4\", 0x1F, [ 1 ],\n"
                  "  { x = 1 } ]\n"
                  "[[arr]]\n"
                  "y = '''\n"
                  "z'''\n"
                  "[[arr]]\n") ==
        ". 1:1\n"
        "k\u00e4\u00e4 key 2:1\nk\u00e4\u00e4 2:9\n"
        "n key 3:1\nn 3:5\n"
        "t key 4:2\nt 4:1\n"
        "t.f key 5:1\nt.f 5:5\n"
        "t.b key 6:3\nt.b 6:3\nt.b.c key 6:5\nt.b.c 6:9\n"
        "t.list key 7:1\nt.list 7:8\nt.list[0] 7:10\nt.list[1] 7:15\nt.list[2] 7:21\nt.list[2][0] 7:23\n"
        "t.list[3] 8:3\nt.list[3].x key 8:5\nt.list[3].x 8:9\n"
        "arr key 9:3\narr 9:1\narr[0] 9:1\narr[0].y key 10:1\narr[0].y 10:5\narr[1] 12:1\n");
}

TEST_CASE("places count lines the same with CRLF, and a last line without an end") {
  CHECK(places_in("a.json", "{\r\n \"a\":\r\n 1}") == ". 1:1\na key 2:2\na 3:2\n");
  CHECK(places_in("a.toml", "a = 1\r\nb = 2") == ". 1:1\na key 1:1\na 1:5\nb key 2:1\nb 2:5\n");
  CHECK(fault_of("a.toml", "a = 1\r\nb = \r\n") == "syntax 2:5");
}

TEST_CASE("members keep the order in which they were written") {
  std::string order;
  for (const char* file : {"a.json", "a.toml"}) {
    const Value v = read(file, std::string(file) == "a.json" ? R"({"z":1,"a":2,"m":3})" : "z = 1\na = 2\nm = 3\n");
    for (const auto& m : v.members()) order += m.key;
  }
  CHECK(order == "zamzam");
}

TEST_CASE("JSON numbers of all forms") {
  const Value v =
      read(
          "a.json",
          R"({"a":[0,-0,1,-1,9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1.5,-0.0,1e3,1E-3,1.5e+10,1e308]})")
          .at("a");
  const auto& n = v.items();
  CHECK((n[0].is_int() && n[1].is_int() && n[3].as_int() == -1));
  CHECK(n[4].as_int() == INT64_MAX);
  CHECK(n[5].as_int() == INT64_MIN);
  CHECK((n[6].is_double() && n[6].as_double() == 9223372036854775808.0));
  CHECK((n[7].is_double() && n[8].as_double() == 1.5));
  CHECK(n[10].as_double() == 1000);
  CHECK(n[11].as_double() == 0.001);
  CHECK(n[13].as_double() == 1e308);
  for (const char* bad : {"01", "1.", ".5", "+1", "0x10", "1e", "1_000", "NaN", "Infinity", "-", "--1", "1e400"})
    CHECK(fault_of("a.json", std::string("{\"a\":") + bad + "}").substr(0, 6) == "syntax");
}

TEST_CASE("TOML numbers of all forms") {
  const Value v = read("a.toml",
                       "a = [0, +1, -1, 1_000, 0xff, 0o17, 0b101, 9223372036854775807, -9223372036854775808, 1.0, 1e3, "
                       "6.02_2e+3, inf, nan]")
                      .at("a");
  const auto& n = v.items();
  CHECK((n[3].as_int() == 1000 && n[4].as_int() == 255 && n[5].as_int() == 15 && n[6].as_int() == 5));
  CHECK((n[7].as_int() == INT64_MAX && n[8].as_int() == INT64_MIN));
  CHECK((n[9].is_double() && n[10].as_double() == 1000 && n[11].as_double() == 6022));
  CHECK((n[12].is_double() && n[13].is_double()));
  for (const char* bad : {"01", "1.", ".5", "9223372036854775808", "1__0", "0xg", "1e"})
    CHECK(fault_of("a.toml", std::string("a = ") + bad).substr(0, 6) == "syntax");
}

TEST_CASE("strings keep every character that their escapes stand for") {
  CHECK(read("a.json", R"({"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"})").at("a").as_string() ==
        "\"\\/\b\f\n\r\t\u00e9\U0001f600");
  CHECK(read("a.toml", "a = \"\\\"\\\\\\b\\f\\n\\r\\t\\u00e9\\U0001f600\"").at("a").as_string() ==
        "\"\\\b\f\n\r\t\u00e9\U0001f600");
  CHECK(read("a.toml", "a = 'C:\\x'").at("a").as_string() == "C:\\x");
  CHECK(fault_of("a.json", "{\"a\":\"\\ud800\"}").substr(0, 6) == "syntax");
  CHECK(fault_of("a.json", "{\"a\":\"x\ny\"}").substr(0, 8) == "syntax 1");
}

TEST_CASE("syntax errors say where") {
  CHECK(fault_of("a.json", "{\n  \"a\": tru\n}") == "syntax 2:11");
  CHECK(fault_of("a.json", "{\n  \"a\": 1,\n}") == "syntax 3:1");
  CHECK(fault_of("a.json", "{\"\u00e4\": 1 ]") == "syntax 1:9");
  CHECK(fault_of("a.json", "{} x") == "syntax 1:4");
  CHECK(fault_of("a.json", "{\"a\": 1 // no\n}") == "syntax 1:9");
  CHECK(fault_of("a.toml", "a = 1\nb 2\n") == "syntax 2:3");
  CHECK(fault_of("a.toml", "a = \"\u00e4\" b\n") == "syntax 1:9");
  CHECK(fault_of("a.toml", "a = 1 b = 2") == "syntax 1:7");
  CHECK(fault_of("a.toml", "[a\n") == "syntax 1:3");
}

TEST_CASE("a key that stands twice is a fault at its second place") {
  CHECK(fault_of("a.json", "{\n \"a\": 1,\n \"b\": 2, \"a\": 3}") == "duplicate-key 3:10");
  CHECK(fault_of("a.json", "{\"o\":{\"\\u0061\": 1, \"a\": 3}}") == "duplicate-key 1:20");
  CHECK(fault_of("a.toml", "a = 1\n[b]\n[b]\n").substr(0, 8) == "syntax 3");
  CHECK(fault_of("a.toml", "a = 1\na = 2\n").substr(0, 8) == "syntax 2");
  CHECK(read("a.json", R"({"a":{"x":1},"b":{"x":2}})").at("b").at("x").as_int() == 2);
}

TEST_CASE("JSON goes 64 levels deep and no further") {
  CHECK(max_depth == 64);
  CHECK(read("a.json", "{\"a\":" + nested(63, "[", "]") + "}").is_object());
  CHECK(fault_of("a.json", "{\"a\":" + nested(64, "[", "]") + "}") == "too-deep 1:69");
  CHECK(fault_of("a.json", "{\"a\":" + nested(1000000, "[", "]") + "}") == "too-deep 1:69");
}

TEST_CASE("outside of quotes and comments TOML is ASCII") {
  CHECK(fault_of("a.toml", "kind =\xEF\xB9\xBF'") == "syntax 1:7");  // toml++ is undefined there, as fuzzing found
  CHECK(fault_of("a.toml", "a = \"ä\" \xCB\x93") == "syntax 1:9");
  CHECK(fault_of("a.toml", "# ä\nbä = 1") == "syntax 2:2");
  CHECK(read("a.toml", "\xEF\xBB\xBF\"ä\" = 'ä' # ä").at("ä").as_string() == "ä");
  CHECK(read("a.toml", "a = \"\"\"\nä\"\n\"\"\"").at("a").as_string() == "ä\"\n");
}

TEST_CASE("TOML goes 64 levels deep" * doctest::description("the root is the first level")) {
  CHECK(read("a.toml", "a = " + nested(63, "[", "]")).is_object());
}

TEST_CASE("TOML goes no deeper than 64 levels in lists") {
  Diagnostics found;
  CHECK_FALSE(read_document({"a.toml", "a = " + nested(64, "[", "]")}, found).has_value());
}

// 100,000 levels end the process by SIGSEGV, in toml++ or in our own recursion.
TEST_CASE("TOML goes no deeper than 64 levels in dotted keys and headers") {
  std::string key = "a";
  for (int i = 0; i < 200; ++i) key += ".a";
  Diagnostics found;
  CHECK_FALSE(read_document({"a.toml", key + " = 1"}, found).has_value());
  CHECK_FALSE(read_document({"a.toml", "[" + key + "]"}, found).has_value());
}

TEST_CASE("4 MiB are read, a byte more is refused before anything else") {
  const std::string head = "kind = \"Instance\"\n#";
  CHECK(max_manifest_bytes == 4 * 1024 * 1024);
  CHECK(read("a.toml", head + std::string(max_manifest_bytes - head.size(), 'x')).is_object());
  CHECK(fault_of("a.toml", head + std::string(max_manifest_bytes - head.size() + 1, 'x')) == "too-large 0:0");
}

TEST_CASE("what is no text, empty, or no object is refused") {
  CHECK(fault_of("a.toml", "") == "empty 0:0");
  CHECK(fault_of("a.json", " \n\t ") == "empty 0:0");
  CHECK(fault_of("a.toml", std::string("a = 1\0", 6)) == "not-text 0:0");
  CHECK(fault_of("a.toml", "a = \"\xff\"") == "not-text 0:0");
  CHECK(fault_of("a.toml",
                 "\x7f"
                 "ELF\x02\x01\x01") != "");
  CHECK(fault_of("a.json", "[1]") == "wrong-type 1:1");
  CHECK(fault_of("a.json", "1") == "wrong-type 1:1");
  CHECK(fault_of("a.json", "\"x\"") == "wrong-type 1:1");
}

TEST_CASE("the name's ending tells JSON from TOML; without one the first character does") {
  CHECK(read("-", "{\"a\":1}").at("a").as_int() == 1);
  CHECK(read("-", "\n a = 1").at("a").as_int() == 1);
  CHECK(read("x", "  {\"a\":1}").at("a").as_int() == 1);
  CHECK(fault_of("a.toml", "{\"a\":1}").substr(0, 6) == "syntax");
  CHECK(fault_of("a.json", "a = 1").substr(0, 6) == "syntax");
}

TEST_CASE("a byte order mark is skipped") {
  CHECK(read("a.json", "\xef\xbb\xbf{\"a\":1}").at("a").as_int() == 1);
  CHECK(read("a.toml",
             "\xef\xbb\xbf"
             "a = 1")
            .at("a")
            .as_int() == 1);
}

TEST_CASE("a byte order mark takes no column, and tells nothing of the kind") {
  CHECK(places_in("a.toml",
                  "\xef\xbb\xbf"
                  "a = 1") == ". 1:1\na key 1:1\na 1:5\n");
  CHECK(places_in("a.json", "\xef\xbb\xbf{\"a\":1}") == ". 1:1\na key 1:2\na 1:6\n");
  Diagnostics found;
  CHECK(read_document({"-", "\xef\xbb\xbf{\"a\":1}"}, found).has_value());
}

TEST_CASE("line_of gives a line without its end") {
  CHECK(line_of("a\r\nb\n\nc", 1) == "a");
  CHECK(line_of("a\r\nb\n\nc", 2) == "b");
  CHECK(line_of("a\r\nb\n\nc", 3) == "");
  CHECK(line_of("a\r\nb\n\nc", 4) == "c");
  CHECK(line_of("a\r\nb\n\nc", 5) == "");
}

TEST_CASE("mutated manifests are read or refused, and every place is inside the text") {
  Random random(3);
  CAPTURE(random.seed());
  const std::string json = to_json(full_manifest(), 1),
                    toml =
                        "kind = \"Instance\"\nname = \"a\"\n[nginx]\nuser = 'x'\n[[upstream]]\nserver = [ { address = "
                        "\"a\", w = 1.5 }, ]\n";
  for (int n = 0; n < 4000; ++n) {
    const bool is_json = n % 2 == 0;
    std::string text = is_json ? json : toml;
    for (int edits = random.between(1, 4); edits > 0; --edits) {
      const size_t where = random.below(text.size());
      if (random.chance(40))
        text[where] = static_cast<char>(random.below(128));
      else if (random.chance(50))
        text.erase(where, random.below(20));
      else
        text.insert(where, random.text("{}[]\",:=.'\\\n#\"u0001e-+ ", 4));
      if (text.empty()) text = " ";
    }
    Diagnostics found;
    const auto value = read_document({is_json ? "a.json" : "a.toml", text}, found);
    REQUIRE(value.has_value() == found.empty());
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    for (const Diagnostic& d : found) {
      CAPTURE(text);
      REQUIRE(d.place.line <= lines);
    }
  }
}
