#pragma once
#include <string>
#include <string_view>

namespace orctl {

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits (FIPS 180-4).
std::string sha256(std::string_view bytes);

/// SHA-1 of `bytes` as 40 lower-case hexadecimal digits (FIPS 180-4): git's name for what it keeps. It tells damage,
/// and is no proof against whoever wants two contents of one name.
std::string sha1(std::string_view bytes);

}  // namespace orctl
