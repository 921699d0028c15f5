#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/value.h"

namespace orctl {

/// INST/UP/SERVER as a user writes it; every part may be a pattern (`*`, `?`). Absent parts are empty.
struct ServerPath {
  std::string instance, upstream, server;
  bool operator==(const ServerPath&) const = default;
};

/// How much of a path must be there.
enum class PathDepth { instance, upstream, server };

/// Takes "INST/UP/SERVER" apart; Error(Exit::usage) when a part that must be there is missing or empty, or there are
/// too many. A server that is no pattern is an address and comes back in its one spelling.
ServerPath parse_server_path(std::string_view text, PathDepth least);

/// Whether `part` of a path is a pattern and no plain name.
bool is_pattern(std::string_view part);

constexpr int64_t max_weight = 1000;  ///< schemas/instance.json, upstream.server.weight

/// A weight as a user writes it: "5" is the integer, "50%" stays a string of a whole number from 0 to 100.
/// Error(Exit::usage) for anything else.
Value parse_weight(std::string_view text);

}  // namespace orctl
