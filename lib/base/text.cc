#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace orctl {

namespace {

struct Range {
  char32_t first, last;
};

template <size_t N>
bool within(const std::array<Range, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return r.first <= code && code <= r.last; });
}

constexpr std::array<Range, 7> controls = {{{0x00, 0x1f},
                                            {0x7f, 0x9f},
                                            {0x061c, 0x061c},
                                            {0x200e, 0x200f},
                                            {0x2028, 0x2029},
                                            {0x202a, 0x202e},
                                            {0x2066, 0x2069}}};

// The blocks that matter from Unicode's EastAsianWidth (W, F) and from the general category Mn, Me, Cf.
constexpr std::array<Range, 12> wide = {{{0x1100, 0x115f},
                                         {0x231a, 0x231b},
                                         {0x2e80, 0x303e},
                                         {0x3041, 0xa4cf},
                                         {0xa960, 0xa97f},
                                         {0xac00, 0xd7a3},
                                         {0xf900, 0xfaff},
                                         {0xfe30, 0xfe6f},
                                         {0xff00, 0xff60},
                                         {0xffe0, 0xffe6},
                                         {0x1f300, 0x1faff},
                                         {0x20000, 0x3fffd}}};
constexpr std::array<Range, 9> zero_width = {{{0x0300, 0x036f},
                                              {0x0483, 0x0489},
                                              {0x0591, 0x05bd},
                                              {0x0610, 0x061a},
                                              {0x064b, 0x065f},
                                              {0x1ab0, 0x1aff},
                                              {0x200b, 0x200d},
                                              {0x20d0, 0x20ff},
                                              {0xfe00, 0xfe0f}}};

unsigned byte_at(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

enum class Whitespace { kept, written };

std::string made_printable(std::string_view text, Whitespace whitespace) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    if (c.valid && (c.code == '\n' || c.code == '\t')) {
      if (whitespace == Whitespace::kept)
        out += text[0];
      else
        out += c.code == '\n' ? "\\n" : "\\t";
    } else if (!c.valid || (is_control(c.code) && c.code < 0x80)) {
      out += fmt::format("\\x{:02x}", byte_at(text, 0));
    } else if (is_control(c.code)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c.code));
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Optimal string alignment: insert, delete, substitute, or swap two neighbours; case does not count.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

Character first_character(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  const Character invalid{lead, 1, false};
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return invalid;
  char32_t code = lead & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xc0u) != 0x80) return invalid;
    code = (code << 6) | (byte_at(text, i) & 0x3fu);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return invalid;
  return {code, bytes, true};
}

bool is_control(char32_t code) { return within(controls, code); }

std::string printable(std::string_view text) { return made_printable(text, Whitespace::kept); }

std::string printable_line(std::string_view text) { return made_printable(text, Whitespace::written); }

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

size_t characters(std::string_view text) {
  size_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(first_character(text).bytes);
  return n;
}

size_t display_width(std::string_view text) {
  size_t cells = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    cells += within(zero_width, c.code) ? 0 : within(wide, c.code) ? 2 : 1;
    text.remove_prefix(c.bytes);
  }
  return cells;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t longest = 256;  // a slip of the finger is not longer; keeps hostile words cheap
  if (word.empty() || word.size() > longest) return std::nullopt;
  const size_t limit = (word.size() + 2) / 3;
  std::optional<std::string> best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(candidate.size(), word.size());
    if (longer - std::min(candidate.size(), word.size()) > limit) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance || distance >= longer) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.emplace_back(text);
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, retry = 0;  // where to go on when what follows the last * does not fit
  while (t < text.size()) {
    const size_t step = first_character(text.substr(t)).bytes;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += step;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    long milliseconds;
  };
  constexpr std::array<Unit, 4> units = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  constexpr long ten_years = 10L * 365 * 24 * 3'600'000;
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto n = parse_number(text.substr(0, text.size() - unit.suffix.size()), ten_years / unit.milliseconds);
    if (n) return std::chrono::milliseconds(*n * unit.milliseconds);
  }
  return std::nullopt;
}

std::string span_text(std::chrono::milliseconds span) {
  const auto ms = span.count();
  if (ms % 1000 != 0) return std::to_string(ms) + "ms";
  const auto seconds = ms / 1000, hours = seconds / 3600, minutes = seconds / 60 % 60;
  std::string out;
  if (hours != 0) out += std::to_string(hours) + "h";
  if (minutes != 0 || (hours != 0 && seconds % 60 != 0)) out += std::to_string(minutes) + "m";
  if (seconds % 60 != 0 || out.empty()) out += std::to_string(seconds % 60) + "s";
  return out;
}

std::optional<long> parse_number(std::string_view text, long max) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  long n = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const long digit = c - '0';
    if (digit > max || n > (max - digit) / 10) return std::nullopt;
    n = n * 10 + digit;
  }
  return n;
}

int64_t whole(double number) {
  constexpr double end = 9223372036854775808.0;  // 2^63: a cast of anything beyond is undefined
  if (std::isnan(number)) return 0;
  if (number >= end) return std::numeric_limits<int64_t>::max();
  return number <= -end ? std::numeric_limits<int64_t>::min() : static_cast<int64_t>(number);
}

std::string count(size_t n, std::string_view singular) {
  if (n == 1) return fmt::format("1 {}", singular);
  const auto ends = [&](std::string_view end) { return singular.ends_with(end); };
  const bool vowel_before_y = ends("ay") || ends("ey") || ends("oy") || ends("uy");
  if (ends("y") && !vowel_before_y) return fmt::format("{} {}ies", n, singular.substr(0, singular.size() - 1));
  const bool sibilant = ends("s") || ends("x") || ends("ch") || ends("sh");
  return fmt::format("{} {}{}", n, singular, sibilant ? "es" : "s");
}

}  // namespace orctl
