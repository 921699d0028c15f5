#pragma once
#include "base/tree.h"
#include "model/instance.h"

namespace orctl {

/// Adds to `found` what is wrong with an instance's certificates as they would be served at `now`, in seconds since
/// 1970. `folder` is the overlay's, as it is shown. Whether the very nginx takes them, apply finds out (lua/check.lua).
void check_certificate_files(const Instance& instance, const Tree& overlay, const std::string& folder, int64_t now,
                             Diagnostics& found);

}  // namespace orctl
