#include <doctest/doctest.h>

#include <limits>

#include "base/text.h"

using namespace orctl;
using namespace std::chrono_literals;

TEST_CASE("printable keeps words, newline and tab, and writes what a terminal would obey") {
  CHECK(printable("a\tb\nc é 漢 😀") == "a\tb\nc é 漢 😀");
  CHECK(printable("\x1b[2J") == "\\x1b[2J");
  CHECK(printable("\x1b]0;title\x07") == "\\x1b]0;title\\x07");
  CHECK(printable("a\rb\x7f") == "a\\x0db\\x7f");
  CHECK(printable("\xc2\x9b") == "\\u009b");
  CHECK(printable("user\u202egnp.exe") == "user\\u202egnp.exe");
  CHECK(printable("\u2066\u2069\u200e\u200f\u061c") == "\\u2066\\u2069\\u200e\\u200f\\u061c");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(printable_line("a\tb\n") == "a\\tb\\n");
}

TEST_CASE("printable writes bytes that are no UTF-8 one by one") {
  CHECK(printable("\xff") == "\\xff");
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");           // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
  CHECK(printable("\xe6\xbc") == "\\xe6\\xbc");           // cut off
  CHECK(printable("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
}

TEST_CASE("no byte of all 256, alone or behind a letter, passes printable as a control") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string out = printable(std::string("a") + static_cast<char>(byte));
    CHECK(is_utf8(out));
    for (const char c : out) {
      const auto u = static_cast<unsigned char>(c);
      CHECK((u >= 0x20 || c == '\n' || c == '\t'));
      CHECK(u != 0x7f);
    }
  }
}

TEST_CASE("is_utf8 knows the borders") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("\xf4\x8f\xbf\xbf"));
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(is_utf8("\x80"));
  CHECK_FALSE(is_utf8("\xe0\x9f\xbf"));
}

TEST_CASE("characters counts code points, display_width terminal cells") {
  CHECK(characters("naïve") == 5);
  CHECK(display_width("naïve") == 5);
  CHECK(characters("漢字") == 2);
  CHECK(display_width("漢字") == 4);
  CHECK(display_width("e\u0301") == 1);
}

TEST_CASE("nearest finds a slip and leaves strangers alone") {
  const std::vector<std::string> verbs = {"apply", "diff", "drain", "get", "validate"};
  CHECK(nearest("aply", verbs) == "apply");
  CHECK(nearest("dfif", verbs) == "diff");
  CHECK(nearest("VALIDATE", verbs) == "validate");
  CHECK(nearest("vlaidat", verbs) == "validate");
  CHECK(nearest("gte", verbs) == "get");
  CHECK_FALSE(nearest("frobnicate", verbs));
  CHECK_FALSE(nearest("x", {"y"}));
  CHECK_FALSE(nearest("", verbs));
  CHECK_FALSE(nearest(std::string(1 << 20, 'a'), verbs));
}

TEST_CASE("split, join and trim") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(join({"a", "b"}, ", ") == "a, b");
  CHECK(join({}, ", ").empty());
  CHECK(join({"", ""}, "-") == "-");
  CHECK(trim(" \t a b \n") == "a b");
  CHECK(trim("  ").empty());
}

TEST_CASE("glob_match") {
  CHECK(glob_match("prd_*_001_*", "prd_payment_001_8080"));
  CHECK(glob_match("*", ""));
  CHECK(glob_match("a?c", "abc"));
  CHECK(glob_match("a?c", "aéc"));
  CHECK(glob_match("*aab", "aaaab"));
  CHECK_FALSE(glob_match("a?c", "ac"));
  CHECK_FALSE(glob_match("", "a"));
  CHECK_FALSE(glob_match("a*b", "a*c"));
  CHECK_FALSE(glob_match("[a]", "a"));
  CHECK_FALSE(glob_match(std::string(200, '*') + "b", std::string(5000, 'a')));
}

TEST_CASE("parse_duration takes one number with one unit") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("3s") == 3s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("0s") == 0s);
  CHECK(parse_duration("87600h") == 87600h);
  for (const char* bad :
       {"", "s", "3", "-3s", "+3s", "03s", "1.5s", "3 s", "1h30m", "3d", "87601h", "99999999999999999999s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("parse_number knows neither octal nor hexadecimal nor overflow") {
  CHECK(parse_number("0", 10) == 0);
  CHECK(parse_number("65535", 65535) == 65535);
  CHECK(parse_number("9223372036854775807", std::numeric_limits<long>::max()) == std::numeric_limits<long>::max());
  for (const char* bad : {"", "010", "0x10", "1e3", "-1", "+1", " 1", "1 ", "65536", "9223372036854775808"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_number(bad, 65535));
  }
  CHECK_FALSE(parse_number("9", 5));
}

TEST_CASE("count speaks English") {
  CHECK(count(1, "server") == "1 server");
  CHECK(count(3, "server") == "3 servers");
  CHECK(count(0, "address") == "0 addresses");
  CHECK(count(2, "policy") == "2 policies");
  CHECK(count(2, "key") == "2 keys");
}

TEST_CASE("spans are said as people say them") {
  using ms = std::chrono::milliseconds;
  CHECK(span_text(ms(0)) == "0s");
  CHECK(span_text(ms(1500)) == "1500ms");
  CHECK(span_text(ms(59000)) == "59s");
  CHECK(span_text(ms(300000)) == "5m");
  CHECK(span_text(ms(252000)) == "4m12s");
  CHECK(span_text(ms(3600000)) == "1h");
  CHECK(span_text(ms(3603000)) == "1h0m3s");
  CHECK(span_text(ms(86400000)) == "24h");
}
