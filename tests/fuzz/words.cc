#include "fuzz.h"
#include "model/route.h"
#include "model/schema.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

void try_text(const std::string& text) {
  const std::string shown = printable(text), line = printable_line(text);
  require(is_harmless(shown), "printable text is harmless");
  require(is_harmless(line) && line.find_first_of("\n\t") == std::string::npos, "a printable line is one line");
  require(printable(shown) == shown, "printable text stays as it is");
  require(characters(text) <= text.size() && display_width(text) <= 2 * text.size(), "text is no wider than its bytes");
  require(join(split(text, ','), ",") == text, "what is split is joined again");
}

}  // namespace

// The small words of manifests and command lines: durations, numbers, sizes, patterns; and text for the terminal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = text_of(data, size);
  const std::string first = take_line(rest), second(rest);
  try_text(first + second);
  if (const auto span = parse_duration(first)) require(span->count() >= 0, "a duration is not negative");
  if (const auto n = parse_number(first, 65535))
    require(*n <= 65535 && std::to_string(*n) == first, "a number is itself");
  require(glob_match("*", first) && (!glob_match(first, second) || glob_match("*" + first, second)),
          "a * matches more");
  nearest(first, {second, "apply", "diff"});
  static const Schema::Node* const body_size = Schema::get("instance").find("nginx.client_max_body_size");
  require(body_size != nullptr, "there is a field for a size");
  static const Schema one_size(R"({"type": "string", "pattern": ")" + body_size->pattern_text +
                               R"(", "maxLength": 9})");
  Diagnostics found;
  const auto no_line = [](uint32_t) { return std::string(); };
  if (one_size.check(Value(first), "", no_line, found) == Fit::valid)
    require(size_bytes(first) >= 0, "a size is not negative");
  return 0;
}
