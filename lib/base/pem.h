#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orctl {

/// The first line of a text that keeps it from being proved public.
struct PemDoubt {
  uint32_t line = 1;
  std::string why;  ///< "it stands outside of every PEM block"; nothing of the line itself
};

/// Why a text is not proved to be public, as is_public_pem() says; nullopt when it is.
std::optional<PemDoubt> doubt_of_pem(std::string_view text);

/// Whether a text is proved to hold nothing but what anybody may see: PEM blocks of certificates, revocation lists,
/// requests, public keys and parameters, each with the structure of what it says it is, and blank lines, or
/// nothing at all. Anything else in it (a key, a comment, an indented block, a format of another kind) makes it false.
bool is_public_pem(std::string_view text);

}  // namespace orctl
