#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orctl {

/// A time as somebody writes it: the seconds since 1970 that it covers. A day covers all of it, in UTC.
struct Moment {
  int64_t first = 0, last = 0;
};

/// "2026-11-30", or RFC 3339: "2026-11-30T12:00:00Z", "2026-11-30 13:00:00.5+01:00"; nullopt when it is neither.
std::optional<Moment> parse_moment(std::string_view text);

/// parse_moment(), or a span before `now`: "90s", "30m", "2h", "7d".
std::optional<Moment> parse_moment_or_ago(std::string_view text, int64_t now);

/// RFC 3339 in UTC: "2026-11-30T12:00:00Z".
std::string moment_text(int64_t seconds);

}  // namespace orctl
