#include <doctest/doctest.h>

#include "base/text.h"
#include "model/diagnostic.h"

using namespace orctl;

namespace {
Diagnostic sample() {
  Diagnostic d;
  d.code = "unknown-field";
  d.file = "payment.toml";
  d.place = {12, 3};
  d.field = "upstream[0].wieght";
  d.text = "unknown field";
  d.hint = "did you mean \"weight\"?";
  d.source_line = "  wieght = 10";
  return d;
}

/// Where the caret stands, in terminal cells, and what stands above it.
std::string above_caret(const std::string& text) {
  const auto lines = split(text, '\n');
  const size_t cells = lines.at(2).find('^');
  std::string_view line = lines.at(1);
  std::string found;  // the last that begins there: a combining mark before it takes no cell
  while (!line.empty()) {
    const size_t bytes = first_character(line).bytes;
    if (display_width(std::string_view(lines[1]).substr(0, lines[1].size() - line.size())) == cells)
      found = line.substr(0, bytes);
    line.remove_prefix(bytes);
  }
  return found;
}
}  // namespace

TEST_CASE("a diagnostic shows place, field, source line, caret and hint") {
  CHECK(to_text(sample()) ==
        "error: payment.toml:12:3: upstream[0].wieght: unknown field\n"
        "    wieght = 10\n"
        "    ^\n"
        "  hint: did you mean \"weight\"?\n");
}

TEST_CASE("what is missing is left out") {
  Diagnostic d;
  d.text = "two instances have one name";
  CHECK(to_text(d) == "error: two instances have one name\n");
  d.severity = Severity::warning;
  d.file = "a.toml";
  CHECK(to_text(d) == "warning: a.toml: two instances have one name\n");
  d.place.line = 7;
  CHECK(to_text(d) == "warning: a.toml:7: two instances have one name\n");
}

TEST_CASE("the caret stands under its column behind tabs, wide and escaped characters") {
  Diagnostic d = sample();
  for (const char* before : {"", "\t\t", "漢字 ", "é", "e\u0301", "\x1b[2J", "\u202e", "a b"}) {
    CAPTURE(before);
    d.source_line = std::string(before) + "X = 1";
    d.place.col = static_cast<uint32_t>(characters(before) + 1);
    CHECK(above_caret(to_text(d)) == "X");
  }
}

TEST_CASE("the caret may stand behind the end of the line") {
  Diagnostic d = sample();
  d.source_line = "a = ";
  d.place.col = 5;
  CHECK(split(to_text(d), '\n').at(2) == "      ^");
  d.place.col = 500;
  CHECK(split(to_text(d), '\n').at(2) == "      ^");
}

TEST_CASE("a long line is cut around the column") {
  Diagnostic d = sample();
  d.source_line = std::string(5000, 'a') + "X" + std::string(5000, 'b');
  d.place.col = 5001;
  const auto lines = split(to_text(d), '\n');
  CHECK(display_width(lines.at(1)) < 110);
  CHECK(lines[1].starts_with("  …a"));
  CHECK(lines[1].ends_with("b…"));
  CHECK(above_caret(to_text(d)) == "X");
}

TEST_CASE("nothing hostile passes to_text, and each part stays on its line") {
  Diagnostic d;
  d.file = d.field = d.text = d.hint = d.source_line = "a\x1b[31m\nerror: forged\u202e\xff";
  d.place = {1, 1};
  const std::string text = to_text(d);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\u202e") == std::string::npos);
  CHECK(is_utf8(text));
  CHECK(text.find("\nerror:") == std::string::npos);
  CHECK(split(text, '\n').size() == 5);
}

TEST_CASE("to_value leaves empty parts out") {
  CHECK(
      to_json(to_value(sample())) ==
      R"({"code":"unknown-field","message":"unknown field","severity":"error","file":"payment.toml","line":12,"column":3,)"
      R"("field":"upstream[0].wieght","hint":"did you mean \"weight\"?"})");
  Diagnostic d;
  d.text = "no";
  CHECK(to_json(to_value(d)) == R"({"message":"no","severity":"error"})");
  CHECK(has_errors({d}));
  d.severity = Severity::warning;
  CHECK_FALSE(has_errors({d}));
}
