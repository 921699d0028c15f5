#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/value.h"

namespace orctl {

/// Something in a text that must not get into the store, where it would stay for ever.
struct FoundSecret {
  Place place;
  std::string what;  ///< "a private key", "a password"; never the secret itself
};

/// Private keys, keys of well-known services, credentials in URLs and headers, literal values of fields whose name says
/// password, and random ones of fields whose name says token, secret or key. A line with `orctl:not-secret` is skipped.
std::vector<FoundSecret> find_secrets(std::string_view text);

/// Where a secret belongs instead.
inline constexpr const char* secret_hint =
    "keep it in a file of the host that the manifest names (password_file, token_file, a key in certs/); "
    "where it is none, write orctl:not-secret into a comment of that line";

}  // namespace orctl
