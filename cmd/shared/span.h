#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"

namespace orctl {

/// --since and --until of commands that tell what was.
struct SpanFlags {
  std::string since_text, until_text;

  /// Seconds since 1970; Exit::usage for what is no time.
  std::optional<int64_t> since(const World& world) const;
  std::optional<int64_t> until(const World& world) const;
};

void add_span_flags(Flags& f, SpanFlags& span);

}  // namespace orctl
