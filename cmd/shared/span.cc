#include "shared/span.h"

#include <fmt/format.h>

#include "base/moment.h"

namespace orctl {
namespace {

std::optional<Moment> moment_of(const char* flag, const std::string& text, const World& world) {
  if (text.empty()) return std::nullopt;
  const auto moment = parse_moment_or_ago(text, world.clock.now());
  if (!moment)
    throw Error(Exit::usage, fmt::format("{}: '{}' is no time", flag, text),
                "for example 2026-11-30, 2026-11-30T12:00:00Z, 2h or 7d");
  return moment;
}

}  // namespace

std::optional<int64_t> SpanFlags::since(const World& world) const {
  const auto moment = moment_of("--since", since_text, world);
  return moment ? std::optional(moment->first) : std::nullopt;
}

std::optional<int64_t> SpanFlags::until(const World& world) const {
  const auto moment = moment_of("--until", until_text, world);
  return moment ? std::optional(moment->last) : std::nullopt;
}

void add_span_flags(Flags& f, SpanFlags& span) {
  f.add("--since", span.since_text, "only from then on: a day, a time (RFC 3339), or a span before now (2h, 7d)")
      .value("TIME");
  f.add("--until", span.until_text, "only up to then; a day is meant to its end").value("TIME");
}

}  // namespace orctl
