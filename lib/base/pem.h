#pragma once
#include <string_view>

namespace orctl {

/// Whether a text is proved to hold nothing but what anybody may see: PEM blocks of certificates, revocation lists,
/// requests, public keys and parameters, each with the structure of what it says it is, and blank lines. Anything else
/// in it (a key, a comment, an indented block, a format of another kind) makes it false.
bool is_public_pem(std::string_view text);

}  // namespace orctl
