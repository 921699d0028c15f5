#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orctl {

/// `text` with everything that could move a terminal's cursor or reorder its text written visibly:
/// C0 (but tab and newline), DEL, C1, bidi controls and invalid UTF-8 become \xNN or \uNNNN.
std::string printable(std::string_view text);

/// Like printable(), and newline and tab become \n and \t: for one cell or one line.
std::string printable_line(std::string_view text);

/// One step through text that may be anything: a code point, or one byte that belongs to none (`valid` false).
struct Character {
  char32_t code = 0;
  size_t bytes = 0;
  bool valid = false;
};

/// The character at the front of `text`, which is not empty.
Character first_character(std::string_view text);

/// Whether a terminal would act on `code` instead of showing it: C0, DEL, C1, bidi controls, line separators.
bool is_control(char32_t code);

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// Number of characters (code points) of valid UTF-8.
size_t characters(std::string_view text);

/// Number of terminal cells that `text` takes: East Asian wide characters and emoji two, combining marks none.
size_t display_width(std::string_view text);

/// The candidate nearest to `word` by edit distance, if it is near enough to be a likely slip.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
/// A-Z as a-z; everything else stays.
std::string lower(std::string text);

/// Whether shell-style `pattern` (`*` and `?`) matches all of `text`.
bool glob_match(std::string_view pattern, std::string_view text);

/// "500ms", "3s", "5m", "1h" -> milliseconds; nullopt when it is none of these or above 10 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A span as people say it: "5m", "4m12s", "1h0m3s"; below a second, and where there is a part of one, "1500ms".
std::string span_text(std::chrono::milliseconds span);

/// A decimal number without sign or leading zeros, at most `max`; nullopt otherwise.
std::optional<long> parse_number(std::string_view text, long max);

/// The whole part of a number from outside; the nearest end of what fits when it does not, 0 when it is none.
int64_t whole(double number);

/// 3 -> "3 servers", 1 -> "1 server".
std::string count(size_t n, std::string_view singular);

}  // namespace orctl
