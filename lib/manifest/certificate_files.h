#pragma once
#include "base/tree.h"
#include "model/instance.h"

namespace orctl {

/// Adds to `found` what is wrong with the files that an instance's certificates name, as far as that can be seen
/// without OpenSSL: whether key and certificate belong together, apply finds out (lua/check.lua).
void check_certificate_files(const Instance& instance, const Tree& overlay, Diagnostics& found);

}  // namespace orctl
