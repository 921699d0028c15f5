#include "base/moment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "base/text.h"

namespace orctl {
namespace {

/// Takes `digits` digits from the front; nullopt when others stand there.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  const std::string_view taken = text.substr(0, digits);
  if (taken.size() != digits || taken.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  text.remove_prefix(digits);
  int number = 0;
  for (const char c : taken) number = number * 10 + (c - '0');
  return number;
}

bool take(std::string_view& text, std::string_view any) {
  if (text.empty() || any.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// Three numbers of two digits that `separator` divides; the first may have more.
bool take_three(std::string_view& text, size_t first, char separator, std::array<int, 3>& out) {
  for (size_t i = 0; i < 3; ++i) {
    if (i > 0 && !take(text, std::string_view(&separator, 1))) return false;
    const auto number = take_number(text, i == 0 ? first : 2);
    if (!number) return false;
    out[i] = *number;
  }
  return true;
}

/// Seconds east of UTC; nullopt when that is not all that is left.
std::optional<int64_t> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return text.empty() ? std::optional<int64_t>(0) : std::nullopt;
  const bool west = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  const bool divided = take(text, ":");
  const auto minutes = take_number(text, 2);
  if (!hours || !divided || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return int64_t{west ? -60 : 60} * (*hours * 60 + *minutes);
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  constexpr int64_t day_seconds = 86400;
  std::array<int, 3> date{}, time{};
  if (!take_three(text, 4, '-', date)) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year{date[0]}, std::chrono::month{static_cast<unsigned>(date[1])},
                                        std::chrono::day{static_cast<unsigned>(date[2])}};
  if (!day.ok()) return std::nullopt;
  const int64_t start = std::chrono::sys_days(day).time_since_epoch().count() * day_seconds;
  if (text.empty()) return Moment{start, start + day_seconds - 1};
  if (!take(text, "Tt ") || !take_three(text, 2, ':', time) || time[0] > 23 || time[1] > 59 || time[2] > 60)
    return std::nullopt;
  if (take(text, ".")) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  const auto offset = take_offset(text);
  if (!offset) return std::nullopt;
  const int64_t at = start + time[0] * 3600 + time[1] * 60 + time[2] - *offset;
  return Moment{at, at};
}

std::optional<Moment> parse_moment_or_ago(std::string_view text, int64_t now) {
  if (auto moment = parse_moment(text)) return moment;
  int64_t seconds = 0;
  if (text.ends_with('d')) {
    const auto days = parse_number(text.substr(0, text.size() - 1), 36500);
    if (!days) return std::nullopt;
    seconds = *days * 86400;
  } else {
    const auto span = parse_duration(text);
    if (!span) return std::nullopt;
    seconds = span->count() / 1000;
  }
  return Moment{now - seconds, now - seconds};
}

std::string moment_text(int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace orctl
